;; Remembers in the size of its memory.
(module
  (import "io" "output" (func $output (param i32 i32)))
  (memory 1)
  (func (export "process")
    (i32.store8 (i32.const 0) (memory.size))
    (drop (memory.grow (i32.const 1)))
    (call $output (i32.const 0) (i32.const 1))))
