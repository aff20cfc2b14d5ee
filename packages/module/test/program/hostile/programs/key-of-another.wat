;; Makes a MAC under a key at a place that its software does not name.
(module
  (import "mac" "cmac" (func $cmac (param i32 i32 i32 i32)))
  (import "io" "output" (func $output (param i32 i32)))
  (memory 1)
  (func (export "f1")
    (call $cmac (i32.const 0x01000001) (i32.const 0) (i32.const 16) (i32.const 32))
    (call $output (i32.const 32) (i32.const 16))))
