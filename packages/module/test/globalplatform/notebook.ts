import { wat } from '../program/wat.ts'

/**
 * An application that keeps notes: STORE DATA and instruction 10 write its area, 12 reads P1 bytes of it, 14 says whether its security domain
 * speaks, 16 answers random bytes, 18 writes and refuses, 1A never ends.
 */
export const notebook: Uint8Array = wat(`(module
  (import "io" "ins" (func $ins (result i32)))
  (import "io" "p1" (func $p1 (result i32)))
  (import "io" "input_length" (func $length (result i32)))
  (import "io" "input" (func $input (param i32 i32 i32)))
  (import "io" "output" (func $output (param i32 i32)))
  (import "io" "channel" (func $channel (result i32)))
  (import "io" "refuse" (func $refuse (param i32)))
  (import "data" "size" (func $size (result i32)))
  (import "data" "read" (func $read (param i32 i32 i32)))
  (import "data" "write" (func $write (param i32 i32 i32)))
  (import "random" "fill" (func $random (param i32 i32)))
  (memory (export "memory") 1)
  (func $note
    (call $input (i32.const 0) (i32.const 0) (call $length))
    (call $write (i32.const 0) (i32.const 0) (call $length)))
  (func (export "process") (local $i i32)
    (local.set $i (call $ins))
    (if (i32.eq (local.get $i) (i32.const 0x10)) (then (call $note)))
    (if (i32.eq (local.get $i) (i32.const 0xe2)) (then
      (if (i32.eqz (call $channel)) (then (call $refuse (i32.const 0x6982))))
      (call $note)))
    (if (i32.eq (local.get $i) (i32.const 0x12)) (then
      (call $read (i32.const 0) (i32.const 0) (call $p1))
      (call $output (i32.const 0) (call $p1))))
    (if (i32.eq (local.get $i) (i32.const 0x13)) (then
      (i32.store8 (i32.const 0) (i32.shr_u (call $size) (i32.const 8)))
      (i32.store8 (i32.const 1) (call $size))
      (call $output (i32.const 0) (i32.const 2))))
    (if (i32.eq (local.get $i) (i32.const 0x14)) (then
      (i32.store8 (i32.const 0) (call $channel))
      (call $output (i32.const 0) (i32.const 1))))
    (if (i32.eq (local.get $i) (i32.const 0x16)) (then
      (call $random (i32.const 0) (i32.const 8))
      (call $output (i32.const 0) (i32.const 8))))
    (if (i32.eq (local.get $i) (i32.const 0x18)) (then
      (call $note)
      (call $refuse (i32.const 0x6a80))))
    (if (i32.eq (local.get $i) (i32.const 0x1a)) (then (loop $on (br $on))))))`)

/** The same with an interface that installed applications do not have. */
export const signer: Uint8Array = wat(`(module
  (import "sign" "sign" (func $sign (param i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "process") (call $sign (i32.const 0) (i32.const 0) (i32.const 0))))`)

/** No program of ours: nothing in it is called process. */
export const idle: Uint8Array = wat(`(module (memory (export "memory") 1) (func (export "f1")))`)
