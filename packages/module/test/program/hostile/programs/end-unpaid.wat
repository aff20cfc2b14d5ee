;; Behind its first straight run it has no loop and no call: it comes to its end with less than nothing left, and has written.
(module
  (import "data" "write" (func $write (param i32 i32 i32)))
  (memory 1)
  (func (export "process")
    (call $write (i32.const 0) (i32.const 0) (i32.const 4))
    (if (i32.eqz (i32.load (i32.const 0)))
      (then
        (i64.store (i32.const 8) (i64.div_u (i64.load (i32.const 16)) (i64.const 3)))
        (i64.store (i32.const 8) (i64.div_u (i64.load (i32.const 16)) (i64.const 3)))
        (i64.store (i32.const 8) (i64.div_u (i64.load (i32.const 16)) (i64.const 3)))
        (i64.store (i32.const 8) (i64.div_u (i64.load (i32.const 16)) (i64.const 3)))))))
