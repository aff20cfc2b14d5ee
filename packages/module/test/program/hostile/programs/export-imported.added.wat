(module
  (import "mac" "verify" (func $verify (param i32 i32 i32 i32 i32) (result i32)))
  (memory 1)
  (export "f1" (func $verify)))
