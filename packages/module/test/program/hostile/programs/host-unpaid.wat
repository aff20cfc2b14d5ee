;; A thousand signatures on a budget for one.
(module
  (import "sign" "sign" (func $sign (param i32 i32 i32)))
  (memory 1)
  (func (export "process")
    (local $turns i32)
    (loop $more
      (call $sign (i32.const 0) (i32.const 1) (i32.const 64))
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 1000))))))
