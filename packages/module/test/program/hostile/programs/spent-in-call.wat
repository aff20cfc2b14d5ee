;; Lets another function work, 100 times: what that one spends would be forgotten when it returns.
(module
  (memory 1)
  (func $work
    (local $i i32)
    (loop $more
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 5000)))))
  (func (export "process")
    (local $rounds i32)
    (loop $round
      (call $work)
      (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $rounds))
      (br_if $round (i32.lt_u (local.get $rounds) (i32.const 100))))))
