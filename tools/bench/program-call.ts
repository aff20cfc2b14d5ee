import { ascii, concat, decodeHex, u32 } from '@sealwright/core/bytes'
import { blankRecord, serializeBookingRequest } from '@sealwright/core/loyalty'
import type { Module } from '@sealwright/module'
import { fuelKeyPlace } from '@sealwright/roles/issuer'
import { readPrograms } from '../../packages/node/test/life/programs.ts'
import { wat } from '../../packages/node/test/wat.ts'
import { bareProgram, type ProgramCommand } from './bare-program.ts'
import { lifeUpTo, powered } from './lives.ts'
import type { Flow } from './measure.ts'

interface Example {
  readonly name: string
  readonly text: string
  readonly chip: 'terminal' | 'phone'
  readonly program: Uint8Array
  /** Whether it is loaded in the place of the bank's. */
  readonly own?: boolean
  /** Exported function: `process` is the selected application's. */
  readonly function: 'process' | 'f1'
  /** What the bare program needs to be where the module's is. */
  readonly begun?: readonly ProgramCommand[]
  /** Commands that come before, once. */
  readonly first?: readonly ProgramCommand[]
  /** Commands in turn. */
  readonly commands: readonly ProgramCommand[]
}

const { loyalty, bank } = readPrograms()
const applicationId = decodeHex('F053570101')
const credit = (card: number): ProgramCommand => ({
  ins: 0xb8,
  data: serializeBookingRequest({
    place: fuelKeyPlace,
    record: blankRecord(new Uint8Array(8).fill(card)),
    points: 5,
  }),
})
const pin = ascii('4711')
/** In the module the account was stored by the stages of the life, in its supplier's channel. */
const storeAccount = {
  ins: 0x10,
  data: concat(decodeHex('0000000000002710'), Uint8Array.of(10), ascii('1234567890'), pin),
}
const identify = { ins: 0x12, data: pin }

/** Answers what so many turns of a small hash make of its memory. */
const hashing = wat(`(module
  (import "io" "input" (func $input (param i32 i32 i32)))
  (import "io" "output" (func $output (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "process") (local $turns i32) (local $hash i32)
    (call $input (i32.const 0) (i32.const 0) (i32.const 4))
    (local.set $turns (i32.load (i32.const 0)))
    (block $done (loop $again
      (br_if $done (i32.eqz (local.get $turns)))
      (local.set $hash (i32.mul (i32.const 16777619) (i32.xor (local.get $hash)
        (i32.load8_u offset=8 (i32.and (local.get $turns) (i32.const 1023))))))
      (i32.store8 offset=8 (i32.and (local.get $turns) (i32.const 1023)) (local.get $hash))
      (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
      (br $again)))
    (i32.store (i32.const 4) (local.get $hash))
    (call $output (i32.const 4) (i32.const 4))))`)

const examples: readonly Example[] = [
  {
    name: 'vectored, CREDIT again',
    text: 'a program that a vector names, the same booking once more: two MACs, the data area read, nothing written',
    chip: 'terminal',
    program: loyalty,
    function: 'f1',
    commands: [credit(9)],
  },
  {
    name: 'vectored, CREDIT booked',
    text: 'the same with two cards in turn, each a booking: the data area is written, in one transaction of the memory',
    chip: 'terminal',
    program: loyalty,
    function: 'f1',
    commands: [credit(9), credit(8)],
  },
  {
    name: 'application, STATEMENT',
    text: 'a selected application: the data area read, 23 bytes answered in 12 pieces',
    chip: 'phone',
    program: bank,
    function: 'process',
    begun: [storeAccount],
    first: [identify],
    commands: [{ ins: 0x14, data: new Uint8Array(0) }],
  },
  {
    name: 'application, IDENTIFY',
    text: 'a selected application: 64 times SHA-256 in wasm, the data area read, the tries written as they were',
    chip: 'phone',
    program: bank,
    function: 'process',
    begun: [storeAccount],
    first: [identify],
    commands: [identify],
  },
  ...[0, 100, 300, 1000, 3000, 10_000].map((turns) => ({
    name: `application, weight ${turns}`,
    text: `a selected application that takes 4 bytes, turns a loop ${turns} times and answers 4 bytes`,
    chip: 'phone' as const,
    program: hashing,
    own: true,
    function: 'process' as const,
    commands: [{ ins: 0x10, data: u32(turns).reverse() }],
  })),
]

/** One command APDU to a program and its answer, beside a bare call of the same wasm function. */
export const programCalls: readonly Flow<number>[] = examples.map((example) => ({
  name: `program call, ${example.name}`,
  text: example.text,
  operations: 10_000,
  async setUp(crypto) {
    const { chip, program, own = false, begun = [], first = [], commands } = example
    const life = await lifeUpTo(
      crypto,
      chip === 'terminal' ? 'use-key' : own ? 'run' : 'block',
      own ? program : undefined,
    )
    const module = powered(life, chip)
    if (chip === 'phone') {
      send(module, concat(Uint8Array.of(0x00, 0xa4, 0x04, 0x00, applicationId.length), applicationId))
    }
    for (const call of first) send(module, apduOf(call))
    const apdus = commands.map(apduOf)
    const bare = bareProgram(program, example.function)
    for (const call of [...begun, ...first]) bare(call)
    let turn = 0
    return {
      before: () => turn++ % apdus.length,
      run: (which) => send(module, apdus[which]!),
      bare: () => bare(commands[turn++ % commands.length]!),
    }
  },
}))

function apduOf({ ins, data }: ProgramCommand): Uint8Array {
  const lc = data.length === 0 ? data : Uint8Array.of(data.length)
  return concat(Uint8Array.of(0x80, ins, 0, 0), lc, data, Uint8Array.of(0))
}

function send(module: Module, apdu: Uint8Array): void {
  const answer = module.transmit(apdu)
  if (answer.at(-2) !== 0x90) throw new Error(`refused: ${answer.at(-2)} ${answer.at(-1)}`)
}
