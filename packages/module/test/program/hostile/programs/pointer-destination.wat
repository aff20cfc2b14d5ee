;; Wants random bytes written behind the end of its memory.
(module
  (import "random" "fill" (func $fill (param i32 i32)))
  (memory 1)
  (func (export "process")
    (call $fill (i32.const 65536) (i32.const 32))))
