;; Two million turns of a loop that does next to nothing.
(module
  (memory 1)
  (func (export "process")
    (local $turns i32)
    (loop $more
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $turns))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 2000000))))))
