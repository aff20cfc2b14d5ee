;; A start function: the engine runs it when the instance is made, before any call and without a budget.
(module
  (memory 1)
  (start $first)
  (func $first (i32.store (i32.const 0) (i32.const 1)))
  (func (export "process")))
