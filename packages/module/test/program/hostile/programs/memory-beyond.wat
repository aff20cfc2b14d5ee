;; Names no maximum and grows page by page until it is stopped or has 100.
(module
  (memory 1)
  (func (export "process")
    (loop $more
      (br_if $more
        (i32.and
          (i32.ne (memory.grow (i32.const 1)) (i32.const -1))
          (i32.lt_u (memory.size) (i32.const 100)))))
    (i32.store (i32.const 0) (memory.size))))
