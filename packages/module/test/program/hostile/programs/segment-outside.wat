;; A data segment that begins inside the memory and ends one byte behind it.
(module
  (memory 1)
  (data (i32.const 65533) "four")
  (func (export "process")))
