;; Lets the additional software remember, in that one's memory.
(module
  (import "io" "output" (func $output (param i32 i32)))
  (import "added" "f1" (func $count (result i32)))
  (memory 1)
  (func (export "process")
    (i32.store8 (i32.const 0) (call $count))
    (call $output (i32.const 0) (i32.const 1))))
