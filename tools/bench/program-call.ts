import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ascii, concat, u32 } from '@sealwright/core/bytes'
import { commands, programInstructions } from '@sealwright/core/catalog'
import { dataAreaOf, serializeSoftware } from '@sealwright/core/customization'
import { serializeKeyPlace } from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import { type WasmMemory, webAssembly } from '@sealwright/module/program'
import { serializeVectors } from '@sealwright/module/rom'
import { customizedModule } from '@sealwright/module/testing'
import { nodeCrypto } from '@sealwright/node/crypto'
import { root } from '../files.ts'
import type { Flow } from './measure.ts'

const wasm = new Uint8Array(readFileSync(join(root, 'programs/loyalty/loyalty.wasm')))
const program = 3
const place = 0x0020_0101
const fuelKey = new Uint8Array(16).fill(0x44)
const areaLength = 72

const record = recordOf(nodeCrypto.aes(fuelKey), 1000, 1)

/** A customer's record as the program knows it: card number(8) ‖ balance(4) ‖ sequence(4) ‖ MAC(16). */
function recordOf(key: AesKey, balance: number, sequence: number): Uint8Array {
  const body = concat(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), u32(balance), u32(sequence))
  return concat(body, key.cmac(ascii('LOY1'), body))
}

const calls = {
  TOTALS: { ins: programInstructions.TOTALS.ins, function: 3, data: new Uint8Array(0) },
  CREDIT: { ins: programInstructions.CREDIT.ins, function: 1, data: concat(u32(place), record, u32(5)) },
} as const

/** One command APDU to the loyalty program and its answer, beside a bare call of the same wasm function. */
export function programCall(name: keyof typeof calls, text: string): Flow<undefined> {
  const { ins, function: number, data } = calls[name]
  const apdu = concat(
    Uint8Array.of(0x80, ins, 0, 0),
    data.length === 0 ? data : concat(Uint8Array.of(data.length), data),
    Uint8Array.of(0),
  )
  return {
    name: `program call, ${name}`,
    text,
    operations: 400,
    async setUp(crypto) {
      const { module } = customizedModule({
        crypto,
        prepare({ tx, objects, keys }) {
          objects.put(tx, 'control', 1, Uint8Array.of(0x0f))
          objects.put(
            tx,
            'software',
            program,
            serializeSoftware({
              version: 1,
              interfaces: ['io', 'data', 'mac'],
              budget: 5_000_000,
              keyPlaces: [place],
              program: wasm,
            }),
          )
          objects.put(tx, 'product-data', dataAreaOf(program), new Uint8Array(areaLength))
          keys.putAes(tx, place, fuelKey)
          const fuel = { kind: 'application', usage: 'M6', source: 0 } as const
          objects.put(tx, 'key-place', place, serializeKeyPlace(fuel))
          const natives = Object.values(commands).map((row) => ({
            ins: row.ins,
            program: 0,
            function: row.entry,
          }))
          const own = Object.values(calls).map((call) => ({
            ins: call.ins,
            program,
            function: call.function,
          }))
          const table = [...natives, ...own].sort((a, b) => a.ins - b.ins)
          objects.put(tx, 'vector-table', 0, serializeVectors(table))
        },
      })
      return {
        before: () => undefined,
        run() {
          const answer = module.transmit(apdu)
          if (answer.at(-2) !== 0x90) throw new Error(`${name}: ${answer.at(-2)} ${answer.at(-1)}`)
        },
        bare: bareCall(ins, number, data),
      }
    },
  }
}

/** The function as the supplier compiled it, on plain memory: no meter, no transaction, no grants, the fastest MAC. */
function bareCall(ins: number, number: number, data: Uint8Array): () => void {
  const key = nodeCrypto.aes(fuelKey)
  const area = new Uint8Array(areaLength)
  let memory = new Uint8Array(0)
  let answer: Uint8Array[] = []
  const bytes = (address: number, length: number): Uint8Array => memory.subarray(address, address + length)
  const macOf = (address: number, length: number): Uint8Array => key.cmac(bytes(address, length))
  const imports = {
    io: {
      input_length: () => data.length,
      input: (to: number, offset: number, length: number) =>
        memory.set(data.subarray(offset, offset + length), to),
      output: (from: number, length: number) => void answer.push(bytes(from, length).slice()),
      ins: () => ins,
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
    mac: {
      cmac: (_place: number, from: number, length: number, to: number) => memory.set(macOf(from, length), to),
      verify: (_place: number, from: number, length: number, mac: number, macLength: number) =>
        Buffer.compare(macOf(from, length).subarray(0, macLength), bytes(mac, macLength)) === 0 ? 1 : 0,
    },
  }
  const { exports } = new webAssembly.Instance(new webAssembly.Module(wasm), imports)
  memory = new Uint8Array((exports.memory as WasmMemory).buffer)
  const entry = exports[`f${number}`] as () => void
  return () => {
    answer = []
    entry()
  }
}
