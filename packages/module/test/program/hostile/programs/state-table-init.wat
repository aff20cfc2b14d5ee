;; Remembers in its table what was called before: the first call finds the one function there, the second the other.
(module
  (import "io" "output" (func $output (param i32 i32)))
  (type $answer (func (result i32)))
  (memory 1)
  (table 1 funcref)
  (elem (i32.const 0) $zero)
  (elem $later func $one)
  (func $zero (result i32) (i32.const 0))
  (func $one (result i32) (i32.const 1))
  (func (export "process")
    (i32.store8 (i32.const 0) (call_indirect (type $answer) (i32.const 0)))
    (table.init $later (i32.const 0) (i32.const 0) (i32.const 1))
    (call $output (i32.const 0) (i32.const 1))))
