;; Asks for 393,216 pages: their price, 3 * 2^30, is -2^30 in 32 bits. What is refused would fill the budget up.
(module
  (memory 1)
  (func (export "process")
    (local $turns i32)
    (drop (memory.grow (i32.const 0x60000)))
    (loop $more
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (i32.store (i32.const 0) (local.get $turns))
      (br_if $more (i32.lt_u (local.get $turns) (i32.const 1000000))))))
