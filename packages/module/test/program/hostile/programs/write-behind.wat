;; Writes on behind the end of its data area, into another's.
(module
  (import "data" "size" (func $size (result i32)))
  (import "data" "write" (func $write (param i32 i32 i32)))
  (memory 1)
  (data (i32.const 0) "\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee")
  (func (export "process")
    (call $write (call $size) (i32.const 0) (i32.const 64))))
