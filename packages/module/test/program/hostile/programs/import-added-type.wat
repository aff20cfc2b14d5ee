;; A function of the additional software with a number of 64 bits for one of 32.
(module
  (import "added" "f1" (func $f1 (param i64) (result i32)))
  (func (export "process") (drop (call $f1 (i64.const 1)))))
