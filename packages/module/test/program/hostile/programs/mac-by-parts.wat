;; Finds a MAC by verifying ever longer beginnings of it: a key that only verifies makes MACs.
(module
  (import "mac" "verify" (func $verify (param i32 i32 i32 i32 i32) (result i32)))
  (import "io" "output" (func $output (param i32 i32)))
  (memory 1)
  (data (i32.const 0) "pay a thousand to me")
  (func (export "process")
    (local $known i32)
    (loop $next
      (loop $try
        (if (i32.eqz (call $verify (i32.const 1) (i32.const 0) (i32.const 20) (i32.const 64) (i32.add (local.get $known) (i32.const 1))))
          (then
            (i32.store8 offset=64 (local.get $known) (i32.add (i32.load8_u offset=64 (local.get $known)) (i32.const 1)))
            (br $try))))
      (local.set $known (i32.add (local.get $known) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $known) (i32.const 16))))
    (call $output (i32.const 64) (i32.const 16))))
