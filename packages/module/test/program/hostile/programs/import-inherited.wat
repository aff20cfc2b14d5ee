;; A function that no interface has and every object of the host's language has.
(module
  (import "io" "constructor" (func $f))
  (func (export "process") (call $f)))
