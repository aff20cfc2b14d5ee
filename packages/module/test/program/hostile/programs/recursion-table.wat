;; Calls itself through the table, 4,000 deep: no call names the function.
(module
  (type $f (func))
  (memory 1)
  (table 1 funcref)
  (elem (i32.const 0) $down)
  (global $depth (mut i32) (i32.const 0))
  (func $down
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (i32.store (i32.const 0) (global.get $depth))
    (if (i32.lt_u (global.get $depth) (i32.const 4000))
      (then (call_indirect (type $f) (i32.const 0)))))
  (func (export "process") (call_indirect (type $f) (i32.const 0))))
