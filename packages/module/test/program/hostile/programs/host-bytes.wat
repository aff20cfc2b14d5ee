;; MACs over a MiB each, for the price of a MAC over nothing.
(module
  (import "mac" "cmac" (func $cmac (param i32 i32 i32 i32)))
  (memory 17)
  (func (export "process")
    (local $turns i32)
    (loop $more
      (call $cmac (i32.const 1) (i32.const 65536) (i32.const 1048576) (i32.const 0))
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 10))))))
