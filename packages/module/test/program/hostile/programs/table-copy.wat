;; Copies the whole table over itself 20,000 times.
(module
  (memory 1)
  (table 1024 funcref)
  (func (export "process")
    (local $turns i32)
    (loop $more
      (table.copy (i32.const 0) (i32.const 1) (i32.const 1023))
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $turns))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 20000))))))
