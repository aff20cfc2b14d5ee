;; Writes to its data area, and has the host refuse what comes then.
(module
  (import "data" "write" (func $write (param i32 i32 i32)))
  (import "io" "refuse" (func $refuse (param i32)))
  (memory 1)
  (data (i32.const 0) "\01\02\03\04")
  (func (export "process")
    (call $write (i32.const 0) (i32.const 0) (i32.const 4))
    (call $refuse (i32.const 0x6a80))))
