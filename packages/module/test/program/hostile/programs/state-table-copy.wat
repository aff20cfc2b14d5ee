;; The same by copying within the table.
(module
  (import "io" "output" (func $output (param i32 i32)))
  (type $answer (func (result i32)))
  (memory 1)
  (table 2 funcref)
  (elem (i32.const 0) $zero $one)
  (func $zero (result i32) (i32.const 0))
  (func $one (result i32) (i32.const 1))
  (func (export "process")
    (i32.store8 (i32.const 0) (call_indirect (type $answer) (i32.const 0)))
    (table.copy (i32.const 0) (i32.const 1) (i32.const 1))
    (call $output (i32.const 0) (i32.const 1))))
