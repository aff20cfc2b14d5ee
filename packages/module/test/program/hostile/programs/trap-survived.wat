;; Traps in the first call, after it has noted in its memory that it did; would go on from there in the second.
(module
  (memory 1)
  (func (export "process")
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (if (i32.lt_u (i32.load (i32.const 0)) (i32.const 2)) (then (unreachable)))))
