;; Answers the status word 6000, which a transport of ISO 7816-3 takes for the byte that says: wait.
(module
  (import "io" "status" (func $status (param i32)))
  (func (export "process") (call $status (i32.const 0x6000))))
