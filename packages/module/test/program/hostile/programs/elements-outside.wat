;; An element segment that ends one element behind the table.
(module
  (table 4 funcref)
  (elem (i32.const 3) $f $f)
  (func $f (export "process")))
