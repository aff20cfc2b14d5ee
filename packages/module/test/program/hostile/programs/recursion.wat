;; Calls itself, 4,000 deep.
(module
  (memory 1)
  (global $depth (mut i32) (i32.const 0))
  (func $down
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (i32.store (i32.const 0) (global.get $depth))
    (if (i32.lt_u (global.get $depth) (i32.const 4000)) (then (call $down))))
  (func (export "process") (call $down)))
