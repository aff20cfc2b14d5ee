;; Exports a function under the name by which the host has an instance made as new.
(module
  (func (export "process"))
  (func (export "meter.renew")))
