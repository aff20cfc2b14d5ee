;; Fills the same MiB 200 times.
(module
  (memory 17)
  (func (export "process")
    (local $turns i32)
    (loop $more
      (memory.fill (i32.const 65536) (local.get $turns) (i32.const 1048576))
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $turns))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 200))))))
