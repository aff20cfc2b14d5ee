;; Works in the start function: on what budget, when nobody has called yet?
(module
  (memory 1)
  (start $first)
  (func $first
    (local $turns i32)
    (loop $more
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $turns))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 1000000)))))
  (func (export "process")))
