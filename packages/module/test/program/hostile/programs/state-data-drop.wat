;; Remembers one bit in whether its segment is still there: the second call of it traps.
(module
  (memory 1)
  (data $mark "x")
  (func (export "process")
    (memory.init $mark (i32.const 0) (i32.const 0) (i32.const 1))
    (data.drop $mark)))
