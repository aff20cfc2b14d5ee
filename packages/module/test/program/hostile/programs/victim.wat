;; Nobody's enemy: answers four bytes.
(module
  (import "io" "output" (func $output (param i32 i32)))
  (memory 1)
  (data (i32.const 0) "mine")
  (func (export "process") (call $output (i32.const 0) (i32.const 4))))
