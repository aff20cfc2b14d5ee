;; Remembers in the bits of a number that is none (NaN), in a global of 32 bits of floating point.
(module
  (import "io" "output" (func $output (param i32 i32)))
  (memory 1)
  (global $nan (mut f32) (f32.const nan:0x200001))
  (func (export "process")
    (f32.store (i32.const 0) (global.get $nan))
    (i32.store (i32.const 4) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (global.set $nan (f32.load (i32.const 4)))
    (call $output (i32.const 0) (i32.const 4))))
