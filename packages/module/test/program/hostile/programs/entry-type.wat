;; An entry that takes a number of 64 bits: the module gives it none.
(module
  (func (export "process") (param i64)))
