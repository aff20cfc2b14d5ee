;; Calls a function that the additional software does not supply.
(module
  (import "added" "f9" (func $f9 (result i32)))
  (func (export "process") (drop (call $f9))))
