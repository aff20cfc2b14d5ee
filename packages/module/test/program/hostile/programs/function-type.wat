;; The same under the name of a function: nothing returned, so an entry by its looks.
(module
  (func (export "process"))
  (func (export "f1") (param i64)))
