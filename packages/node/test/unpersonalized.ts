import assert from 'node:assert/strict'
import { parseResponse } from '@sealwright/core/apdu'
import {
  answeredUnpersonalized,
  type CommandName,
  type CommandRow,
  commands,
  keyPlaces,
} from '@sealwright/core/catalog'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { Module } from '@sealwright/module'
import { CountingMedium } from '@sealwright/module/medium'
import { customizedModule, type Fixture } from '@sealwright/module/testing'
import { products } from '@sealwright/roles/issuer'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'

/** Products that are personalized. */
export const personalizable = ['cash', 'terminal', 'phone'] as const
export type Personalizable = (typeof personalizable)[number]

export interface Unpersonalized extends Fixture {
  readonly writes: CountingMedium
  readonly natives: readonly CommandName[]
}

/** A module of the product that awaits its personalization, with a credential and a transport key. */
export function unpersonalized(product: Personalizable): Unpersonalized {
  const natives: readonly CommandName[] = products[product].natives
  const fixture = customizedModule({
    crypto,
    commands: natives,
    eepromSize: 32 * 1024,
    prepare({ tx, keys }) {
      const random = scriptedEntropy('keys')
      keys.putAes(tx, keyPlaces.credential, random.bytes(16))
      keys.putAes(tx, keyPlaces.transport, random.bytes(16))
    },
  })
  const writes = new CountingMedium(fixture.medium)
  return { ...fixture, natives, writes, module: fixture.power(writes) }
}

/** Whether the list names a native command of the product for this class and instruction. */
export function isListed(natives: readonly CommandName[], cla: number, ins: number): boolean {
  return answeredUnpersonalized().some((name) => {
    const row: CommandRow = commands[name]
    const classes = row.class === 'iso' ? [0x00, 0x80] : [0x80]
    return natives.includes(name) && row.ins === ins && classes.includes(cla & ~0x14)
  })
}

const datas = [new Uint8Array(0), new Uint8Array(16).fill(1)]

/** Sends every instruction of these classes that the list does not name: each is refused, without data, and nothing is written. */
export function refuseOthers(
  { module, medium, writes, natives }: Unpersonalized,
  classes: Iterable<number>,
): number {
  const before = medium.snapshot()
  const count = writes.programs
  let tried = 0
  for (const cla of classes) {
    for (let ins = 0; ins <= 0xff; ins++) {
      if (isListed(natives, cla, ins)) continue
      for (const data of datas) {
        const first = parseResponse(transmit(module, cla, ins, data))
        // A first segment is collected; the command is whole, and refused, with the last.
        const collected = (cla & 0xf0) === 0x90 && first.sw === 0x9000
        const { data: answer, sw } = collected
          ? parseResponse(transmit(module, cla & ~0x10, ins, data))
          : first
        assert.ok((sw & 0xff00) >= 0x6700 && sw !== 0x9000, `${cla} ${ins}: ${sw.toString(16)}`)
        assert.equal(answer.length, 0)
        tried++
      }
    }
  }
  assert.equal(writes.programs, count)
  assert.deepEqual(medium.snapshot(), before)
  assert.equal(module.parts.life.state(), 'awaiting-personalization')
  return tried
}

function transmit(module: Module, cla: number, ins: number, data: Uint8Array): Uint8Array {
  const body = data.length > 0 ? [data.length, ...data] : []
  return module.transmit(Uint8Array.from([cla, ins, 0, 0, ...body]))
}
