;; Lets the additional software work, 100 times: on whose budget?
(module
  (import "added" "f1" (func $work (result i32)))
  (memory 1)
  (func (export "process")
    (local $rounds i32)
    (loop $round
      (drop (call $work))
      (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $rounds))
      (br_if $round (i32.lt_u (local.get $rounds) (i32.const 100))))))
