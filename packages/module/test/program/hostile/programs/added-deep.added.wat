(module
  (func $down (param $rest i32) (result i32)
    (if (result i32) (local.get $rest)
      (then (i32.add (i32.const 1) (call $down (i32.sub (local.get $rest) (i32.const 1)))))
      (else (i32.const 1))))
  (func (export "f1") (result i32) (call $down (i32.const 1500))))
