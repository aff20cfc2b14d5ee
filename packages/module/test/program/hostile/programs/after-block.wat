;; Leaves a block before its end each time; the work behind the end would be paid by those who reach that end.
(module
  (memory 1)
  (func (export "process")
    (local $turns i32) (local $x i64)
    (loop $more
      (block $out
        (br $out))
      (local.set $x (i64.div_u (i64.const 7) (i64.or (local.get $x) (i64.const 1))))
      (local.set $x (i64.div_u (i64.const 7) (i64.or (local.get $x) (i64.const 1))))
      (local.set $x (i64.div_u (i64.const 7) (i64.or (local.get $x) (i64.const 1))))
      (local.set $x (i64.div_u (i64.const 7) (i64.or (local.get $x) (i64.const 1))))
      (local.set $x (i64.div_u (i64.const 7) (i64.or (local.get $x) (i64.const 1))))
      (local.set $x (i64.div_u (i64.const 7) (i64.or (local.get $x) (i64.const 1))))
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $turns))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 5000))))))
