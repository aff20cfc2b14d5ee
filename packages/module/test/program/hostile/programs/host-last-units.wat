;; One signature with the last units of the budget, which would be worth a four-hundredth of it.
(module
  (import "sign" "sign" (func $sign (param i32 i32 i32)))
  (memory 1)
  (func (export "process")
    (call $sign (i32.const 0) (i32.const 1) (i32.const 64))))
