;; Reads the byte before its data area: its offset is -1.
(module
  (import "io" "output" (func $output (param i32 i32)))
  (import "data" "read" (func $read (param i32 i32 i32)))
  (memory 1)
  (func (export "process")
    (call $read (i32.const -1) (i32.const 0) (i32.const 1))
    (call $output (i32.const 0) (i32.const 1))))
