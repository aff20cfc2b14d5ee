;; Goes 1,500 deep, and from there into the additional software, which goes as deep again.
(module
  (import "added" "f1" (func $further (result i32)))
  (memory 1)
  (func $down (param $rest i32) (result i32)
    (if (result i32) (local.get $rest)
      (then (call $down (i32.sub (local.get $rest) (i32.const 1))))
      (else (call $further))))
  (func (export "process") (i32.store (i32.const 0) (call $down (i32.const 1500)))))
