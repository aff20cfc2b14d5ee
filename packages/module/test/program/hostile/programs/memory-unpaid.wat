;; Asks for 31 pages at once, with a budget for three.
(module
  (memory 1)
  (func (export "process")
    (drop (memory.grow (i32.const 31)))
    (i32.store (i32.const 0) (memory.size))))
