;; Customization software that puts a key where the module's identity is kept.
(module
  (import "chip" "put" (func $put (param i32 i32 i32 i32)))
  (memory 1)
  (data (i32.const 0) "\88k3y of an enemy!")
  (func (export "process") (call $put (i32.const 8) (i32.const 0xff000001) (i32.const 0) (i32.const 17))))
