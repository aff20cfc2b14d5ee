;; Has 17 bytes encrypted, which are no whole blocks.
(module
  (import "cipher" "encrypt" (func $encrypt (param i32 i32 i32 i32 i32)))
  (memory 1)
  (func (export "process")
    (call $encrypt (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 17) (i32.const 64))))
