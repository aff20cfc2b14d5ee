import { ascii, concat, decodeHex } from '@sealwright/core/bytes'
import { blankRecord, serializeBookingRequest } from '@sealwright/core/loyalty'
import type { Module } from '@sealwright/module'
import { type WasmMemory, webAssembly } from '@sealwright/module/program'
import { nodeCrypto, nodeEntropy } from '@sealwright/node/crypto'
import { fuelKeyPlace } from '@sealwright/roles/issuer'
import { readPrograms } from '../../packages/node/test/life/programs.ts'
import { lifeUpTo, powered } from './lives.ts'
import type { Flow } from './measure.ts'

interface Call {
  readonly ins: number
  readonly data: Uint8Array
}

interface Example {
  readonly name: string
  readonly text: string
  readonly chip: 'terminal' | 'phone'
  readonly program: 'loyalty' | 'bank'
  /** Exported function; undefined: of the application that is selected. */
  readonly function: string
  readonly select?: Uint8Array
  /** Calls that the bare program needs to be where the module's is. */
  readonly begun?: readonly Call[]
  /** Calls that come before, once. */
  readonly first: readonly Call[]
  readonly call: Call
}

const credit = serializeBookingRequest({
  place: fuelKeyPlace,
  record: blankRecord(new Uint8Array(8).fill(9)),
  points: 5,
})
const pin = ascii('4711')
const account = concat(decodeHex('0000000000002710'), Uint8Array.of(10), ascii('1234567890'), pin)
/** In the module the account was stored by the stages of the life, in its supplier's channel. */
const storeAccount = { ins: 0x10, data: account }
const identify = { ins: 0x12, data: pin }
const bankAid = decodeHex('F053570101')

const examples: readonly Example[] = [
  {
    name: 'vectored, CREDIT',
    text: 'a program that a vector names, a new instance for each command: two MACs, the data area read and written',
    chip: 'terminal',
    program: 'loyalty',
    function: 'f1',
    first: [],
    call: { ins: 0xb8, data: credit },
  },
  {
    name: 'application, STATEMENT',
    text: 'a selected application: the data area read, 23 bytes answered',
    chip: 'phone',
    program: 'bank',
    function: 'process',
    select: bankAid,
    begun: [storeAccount],
    first: [identify],
    call: { ins: 0x14, data: new Uint8Array(0) },
  },
  {
    name: 'application, IDENTIFY',
    text: 'a selected application: 64 times SHA-256 in wasm, the data area read and written',
    chip: 'phone',
    program: 'bank',
    function: 'process',
    select: bankAid,
    begun: [storeAccount],
    first: [identify],
    call: { ins: 0x12, data: pin },
  },
]

/** One command APDU to a program and its answer, beside a bare call of the same wasm function. */
export const programCalls: readonly Flow<undefined>[] = examples.map((example) => ({
  name: `program call, ${example.name}`,
  text: example.text,
  operations: 500,
  async setUp(crypto) {
    const life = await lifeUpTo(crypto, example.chip === 'terminal' ? 'use-key' : 'block')
    const module = powered(life, example.chip)
    if (example.select !== undefined) {
      send(module, concat(Uint8Array.of(0x00, 0xa4, 0x04, 0x00, example.select.length), example.select))
    }
    for (const call of example.first) send(module, apduOf(call))
    const apdu = apduOf(example.call)
    const bare = bareProgram(example)
    for (const call of [...(example.begun ?? []), ...example.first]) bare(call)
    return {
      before: () => undefined,
      run: () => send(module, apdu),
      bare: () => bare(example.call),
    }
  },
}))

function apduOf({ ins, data }: Call): Uint8Array {
  const lc = data.length === 0 ? data : Uint8Array.of(data.length)
  return concat(Uint8Array.of(0x80, ins, 0, 0), lc, data, Uint8Array.of(0))
}

function send(module: Module, apdu: Uint8Array): void {
  const answer = module.transmit(apdu)
  if (answer.at(-2) !== 0x90) throw new Error(`refused: ${answer.at(-2)} ${answer.at(-1)}`)
}

/** The program as the supplier compiled it, on plain memory: no meter, no transaction, no grants, the fastest MAC. */
function bareProgram({ program, function: name }: Example): (call: Call) => void {
  const key = nodeCrypto.aes(new Uint8Array(16).fill(0x44))
  const area = new Uint8Array(96)
  let memory = new Uint8Array(0)
  let call: Call = { ins: 0, data: area }
  let answer: Uint8Array[] = []
  const bytes = (address: number, length: number): Uint8Array => memory.subarray(address, address + length)
  const imports = {
    io: {
      input_length: () => call.data.length,
      input: (to: number, offset: number, length: number) =>
        memory.set(call.data.subarray(offset, offset + length), to),
      output: (from: number, length: number) => void answer.push(bytes(from, length).slice()),
      ins: () => call.ins,
      channel: () => 1,
      status: (sw: number) => {
        if (sw !== 0x9000) throw new Error(`status ${sw}`)
      },
      refuse: (sw: number) => {
        throw new Error(`refused with ${sw}`)
      },
    },
    data: {
      size: () => area.length,
      read: (offset: number, to: number, length: number) =>
        memory.set(area.subarray(offset, offset + length), to),
      write: (offset: number, from: number, length: number) => area.set(bytes(from, length), offset),
    },
    random: { fill: (to: number, length: number) => memory.set(nodeEntropy.bytes(length), to) },
    clock: { now: () => 0n, known: () => 0 },
    sign: { sign: () => {} },
    mac: {
      cmac: (_place: number, from: number, length: number, to: number) =>
        memory.set(key.cmac(bytes(from, length)), to),
      verify: (_place: number, from: number, length: number, mac: number, macLength: number) =>
        Number(
          Buffer.compare(key.cmac(bytes(from, length)).subarray(0, macLength), bytes(mac, macLength)) === 0,
        ),
    },
  }
  const { exports } = new webAssembly.Instance(new webAssembly.Module(readPrograms()[program]), imports)
  memory = new Uint8Array((exports.memory as WasmMemory).buffer)
  const entry = exports[name] as () => void
  return (next) => {
    call = next
    answer = []
    entry()
  }
}
