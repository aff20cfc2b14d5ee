;; Imports nothing but the additional software, which signs for it.
(module
  (import "added" "f1" (func $f1 (result i32)))
  (func (export "process") (drop (call $f1))))
