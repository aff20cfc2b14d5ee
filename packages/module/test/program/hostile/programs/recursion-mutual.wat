;; Three functions that call each other in turn, 4,000 deep, the last one from behind a block with a result.
(module
  (memory 1)
  (global $depth (mut i32) (i32.const 0))
  (func $note (result i32)
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (i32.store (i32.const 0) (global.get $depth))
    (i32.lt_u (global.get $depth) (i32.const 4000)))
  (func $a (if (call $note) (then (call $b))))
  (func $b (if (call $note) (then (call $c))))
  (func $c (if (call $note) (then (drop (block (result i32) (call $a) (i32.const 1))))))
  (func (export "process") (call $a)))
