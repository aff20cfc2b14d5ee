;; No loop and no recursion: each function calls the next one four times. 4^8 calls, were the last ones reached.
(module
  (memory 1)
  (func $f0 (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))
  (func $f1 (call $f0) (call $f0) (call $f0) (call $f0))
  (func $f2 (call $f1) (call $f1) (call $f1) (call $f1))
  (func $f3 (call $f2) (call $f2) (call $f2) (call $f2))
  (func $f4 (call $f3) (call $f3) (call $f3) (call $f3))
  (func $f5 (call $f4) (call $f4) (call $f4) (call $f4))
  (func $f6 (call $f5) (call $f5) (call $f5) (call $f5))
  (func $f7 (call $f6) (call $f6) (call $f6) (call $f6))
  (func $f8 (call $f7) (call $f7) (call $f7) (call $f7))
  (func (export "process") (call $f8)))
