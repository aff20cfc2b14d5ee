;; Customization software that has an instruction lead to a program that is not there.
(module
  (import "chip" "vector" (func $vector (param i32 i32 i32)))
  (func (export "process") (call $vector (i32.const 0xd4) (i32.const 9) (i32.const 1))))
