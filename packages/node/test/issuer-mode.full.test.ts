import assert from 'node:assert/strict'
import type { Buffer } from 'node:buffer'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseResponse } from '@sealwright/core/apdu'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { commands } from '@sealwright/core/catalog'
import { parseChipStatus } from '@sealwright/core/customization'
import { mask } from '@sealwright/roles/issuer'
import { produce } from '@sealwright/roles/manufacturer'
import { chipFactory } from '../src/chips/index.ts'
import { openModuleFile } from '../src/transport/index.ts'
import { maskInput, party } from './factory-bench.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-issuer-mode-'))
after(() => rmSync(folder, { recursive: true }))

const serial = decodeHex('0102030405060708')
const none = new Uint8Array(0)
/** Commands that issuer mode takes: as they are, nothing that is refused. */
const service: ReadonlySet<number> = new Set(
  (['CHIP STATUS', 'SELF TEST', 'WRITE SERIAL', 'UNLOCK'] as const).map((name) => commands[name].ins),
)
const bodies = [
  none,
  concat(Uint8Array.of(8), serial, Uint8Array.of(0)),
  concat(Uint8Array.of(0xff), new Uint8Array(255).fill(0xaa)),
  concat(decodeHex('000400'), new Uint8Array(1024)),
]
const between = [
  '8030000000',
  '8032000000',
  '80340000083333333333333333',
  '803600000441424344',
  '00C0000000',
  '',
].map((hex) => decodeHex(hex))

for (const state of ['blank', 'mounted'] as const) {
  test(`[D2c][D2d] ${state}: every class and instruction with several bodies, in no order, between service commands: refused, and no byte of any file of the chip changes`, async () => {
    const chip = join(folder, `${state}.chip`)
    const { file } = await mask(await party('issuer'), maskInput({ eepromSize: 32 * 1024 }))
    await produce(await party('manufacturer'), { mask: file, factory: chipFactory(folder), names: [chip] })
    const module = openModuleFile(chip, {
      report: (error) => {
        throw error
      },
    })
    const send = (bytes: Uint8Array) => module.module.transmit(bytes)
    if (state === 'mounted')
      assert.equal(parseResponse(send(decodeHex(`8034000008${encodeHex(serial)}`))).sw, 0x9000)
    const before = files()
    const sent = state === 'blank' ? bodies.slice(0, 2) : bodies
    const random = numbers(state === 'blank' ? 11 : 12)
    const order = Uint32Array.from({ length: 0x1_0000 * sent.length }, (_, i) => i)
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1))
      ;[order[i], order[j]] = [order[j]!, order[i]!]
    }
    let taken = 0
    for (const number of order) {
      const [cla, ins] = [(number >>> 8) & 0xff, number & 0xff]
      const input = concat(Uint8Array.of(cla, ins, 0, 0), sent[number >>> 16]!)
      // What writes the serial number of a blank chip is no refusal; a chain of its segments might.
      if (state === 'blank' && ins === commands['WRITE SERIAL'].ins) continue
      const { data, sw } = parseResponse(send(input))
      if (!(cla === 0x80 || cla === 0x90) || !service.has(ins)) {
        assert.ok(
          sw >= 0x6700 && sw < 0x7000 && data.length === 0,
          `${encodeHex(input)} → ${sw.toString(16)}`,
        )
      } else if (sw === 0x9000) taken++
      unchanged(before, encodeHex(input))
      if (random() > 0.02) continue
      const other = between[Math.floor(random() * between.length)]!
      if (state === 'blank' && other[1] === commands['WRITE SERIAL'].ins) continue
      send(other)
      unchanged(before, encodeHex(other))
    }
    assert.ok(taken > 0)
    module.module.reset()
    const status = parseChipStatus(parseResponse(send(decodeHex('8030000000'))).data)
    assert.deepEqual([status.mode, status.triesLeft], ['issuer', 64])
    assert.ok(status.otp.every((byte) => byte === 0))
    await module.close()
  })
}

/** Every file of the folder but the lock. */
function files(): Map<string, Buffer> {
  const names = readdirSync(folder).filter((name) => !name.endsWith('.lock'))
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]))
}

function unchanged(before: ReadonlyMap<string, Buffer>, text: string): void {
  for (const [name, bytes] of before)
    assert.ok(readFileSync(join(folder, name)).equals(bytes), `${name}: ${text}`)
}

/** A reproducible sequence in 0..1 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
