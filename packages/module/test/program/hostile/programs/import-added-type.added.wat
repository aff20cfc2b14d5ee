(module
  (func (export "f1") (param i32) (result i32) (local.get 0)))
