;; A thousand signatures, asked for through the table: the import itself lies in it.
(module
  (type $t (func (param i32 i32 i32)))
  (import "sign" "sign" (func $sign (type $t)))
  (memory 1)
  (table 1 funcref)
  (elem (i32.const 0) $sign)
  (func (export "process")
    (local $turns i32)
    (loop $more
      (call_indirect (type $t) (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 0))
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 1000))))))
