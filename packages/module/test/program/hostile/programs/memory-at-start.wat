;; Begins with 100 pages, 6.25 MiB, where 32 are the most.
(module
  (memory 100)
  (func (export "process")
    (i32.store (i32.const 0) (memory.size))))
