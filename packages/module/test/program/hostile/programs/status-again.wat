;; Counts in its data area how often it was called, and answers 6C05: a client then sends its command again, with another Le.
(module
  (import "data" "read" (func $read (param i32 i32 i32)))
  (import "data" "write" (func $write (param i32 i32 i32)))
  (import "io" "status" (func $status (param i32)))
  (memory 1)
  (func (export "f1")
    (call $read (i32.const 0) (i32.const 0) (i32.const 1))
    (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
    (call $write (i32.const 0) (i32.const 0) (i32.const 1))
    (call $status (i32.const 0x6c05))))
