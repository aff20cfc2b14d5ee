(module
  (func (export "f1") (result i32) (i32.const 1)))
