;; Has 32 bytes signed that begin at the end of its memory: none of them is its own, and the signature says that it had some.
(module
  (import "sign" "sign" (func $sign (param i32 i32 i32)))
  (memory 1)
  (func (export "process")
    (call $sign (i32.const 65536) (i32.const 32) (i32.const 0))))
