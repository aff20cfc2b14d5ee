;; Takes what came with the command into its memory, grows and traps: such an instance is not made as new, and what it took
;; would lie there for whoever reads the memory of the module.
(module
  (import "io" "input" (func $input (param i32 i32 i32)))
  (import "io" "input_length" (func $length (result i32)))
  (memory 1)
  (func (export "process")
    (call $input (i32.const 4096) (i32.const 0) (call $length))
    (drop (memory.grow (i32.const 1)))
    (unreachable)))
