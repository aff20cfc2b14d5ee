;; A function of an interface with a number of 64 bits, which the host's language cannot shift.
(module
  (import "io" "status" (func $status (param i64)))
  (func (export "process") (call $status (i64.const 0x9000))))
