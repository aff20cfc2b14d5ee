;; Works, then calls a function that does nothing, 100 times: the budget it returns with would be that of before the work.
(module
  (memory 1)
  (func $nothing)
  (func (export "process")
    (local $i i32) (local $rounds i32)
    (loop $round
      (local.set $i (i32.const 0))
      (loop $work
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $work (i32.lt_u (local.get $i) (i32.const 5000))))
      (call $nothing)
      (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $rounds))
      (br_if $round (i32.lt_u (local.get $rounds) (i32.const 100))))))
