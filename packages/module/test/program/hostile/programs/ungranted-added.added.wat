(module
  (import "sign" "sign" (func $sign (param i32 i32 i32)))
  (memory 1)
  (func (export "f1") (result i32)
    (call $sign (i32.const 0) (i32.const 1) (i32.const 64))
    (i32.const 1)))
