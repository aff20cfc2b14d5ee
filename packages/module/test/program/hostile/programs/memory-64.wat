;; A memory with addresses of 64 bits.
(module
  (memory i64 1)
  (func (export "process") (i32.store (i64.const 0) (i32.const 1))))
