;; A table of four million elements: six bytes of program, dozens of MiB of the host.
(module
  (table 4000000 funcref)
  (func (export "process")))
