;; The additional software gives the host's own function on under a name of its own: whoever calls it pays no charge.
(module
  (import "added" "f1" (func $verify (param i32 i32 i32 i32 i32) (result i32)))
  (memory 1)
  (func (export "process")
    (local $turns i32)
    (loop $more
      (drop (call $verify (i32.const 1) (i32.const 0) (i32.const 16) (i32.const 32) (i32.const 16)))
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 100))))))
