;; Customization software that writes an object of the module itself: tries that were counted.
(module
  (import "chip" "put" (func $put (param i32 i32 i32 i32)))
  (memory 1)
  (func (export "process") (call $put (i32.const 17) (i32.const 0) (i32.const 0) (i32.const 2))))
