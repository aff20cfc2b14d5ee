;; A function that works, and leaves by return from inside its loop, called 400 times.
(module
  (memory 1)
  (global $turns (mut i32) (i32.const 0))
  (func $work
    (local $i i32)
    (loop $more
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
      (if (i32.ge_u (local.get $i) (i32.const 2000)) (then (return)))
      (br $more)))
  (func (export "process")
    (local $calls i32)
    (loop $again
      (call $work)
      (i32.store (i32.const 0) (global.get $turns))
      (local.set $calls (i32.add (local.get $calls) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $calls) (i32.const 400))))))
