;; Answers and traps: its bytes would come before those of whoever is called next.
(module
  (import "io" "output" (func $output (param i32 i32)))
  (memory 1)
  (data (i32.const 0) "from another")
  (func (export "process")
    (call $output (i32.const 0) (i32.const 12))
    (unreachable)))
