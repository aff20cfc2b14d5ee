import assert from 'node:assert/strict'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { type CommandName, commands, productDataIds } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  recordsOfObject,
  serializeSoftware,
  type WriteRecord,
  type WriteVector,
} from '@sealwright/core/customization'
import type { Transport } from '@sealwright/core/ports'
import type { Module } from '../src/index.ts'
import type { RamMedium } from '../src/medium/index.ts'
import {
  customizationChannel,
  maskedChip,
  powerUp,
  speak,
  transportTo,
  unlockWith,
  writeRecords,
} from '../src/testing/index.ts'
import { committed } from './programs.ts'

/** A product of the masked chip: customized with chosen software and vectors, in user mode. */

export const serial = decodeHex('0102030405060708')
export const masked = maskedChip({
  crypto,
  program: committed('rom'),
  customization: committed('customization'),
})
/** What a command brings unless told. */
export const commandData = decodeHex('010203')

const addedSoftware = software(committed('added'), ['io'])
export const added: WriteRecord[] = recordsOfObject(
  'software',
  2,
  addedSoftware,
  crypto.sha256(addedSoftware),
)

export function software(
  program: Uint8Array,
  interfaces: Parameters<typeof serializeSoftware>[0]['interfaces'],
): Uint8Array {
  return serializeSoftware({ version: 1, interfaces, budget: 1_000_000, keyPlaces: [], program })
}

export async function unlocked(): Promise<{ module: Module; medium: RamMedium; channel: Transport }> {
  const medium = masked.chip()
  const module = powerUp(crypto, medium)
  await speak(transportTo(module), 'WRITE SERIAL', serial)
  assert.equal(await unlockWith(module, masked.unlocking), 0x9000)
  return { module, medium, channel: await channelOf(module) }
}

export function channelOf(module: Module): Promise<Transport> {
  return customizationChannel(crypto, module, masked.unlocking.key, serial)
}

/** A chip in user mode with these vectors, natives and objects; the additional software unless told. */
export async function product(
  vectors: readonly WriteVector[],
  natives: readonly CommandName[] = [],
  objects: readonly WriteRecord[] = added,
): Promise<Module> {
  return (await productChip(vectors, natives, objects)).module
}

/** The same with its memory. */
export async function productChip(
  vectors: readonly WriteVector[],
  natives: readonly CommandName[],
  objects: readonly WriteRecord[],
): Promise<{ module: Module; medium: RamMedium }> {
  const { module, medium, channel } = await unlocked()
  const records: WriteRecord[] = [...objects, { kind: 'vectors', vectors }, ...activated(...natives)]
  assert.equal(await writeRecords(channel, records), 0x9000)
  assert.equal((await finish(channel)).sw, 0x9000)
  module.reset()
  return { module, medium }
}

/** FINISH of a product of identical modules, which needs no certificate. */
export async function finish(channel: Transport) {
  const identical: WriteRecord = {
    kind: 'put',
    object: 'product-data',
    id: productDataIds.flags,
    bytes: Uint8Array.of(1),
  }
  assert.equal(await writeRecords(channel, [identical, ...activated('FINISH')]), 0x9000)
  return speak(channel, 'FINISH')
}

export function activated(...names: CommandName[]): WriteRecord[] {
  return names.map((name) => ({ kind: 'activate', entry: commands[name].entry }))
}

export async function speakTo(transport: Transport, ins: number, bytes: Uint8Array) {
  const header = Uint8Array.of(0x80, ins, 0, 0)
  const body = bytes.length === 0 ? new Uint8Array(0) : concat(Uint8Array.of(bytes.length), bytes)
  const reply = await transport.transmit(concat(header, body))
  return { data: reply.subarray(0, -2), sw: (reply.at(-2)! << 8) | reply.at(-1)! }
}

/** The answer's data in hex, or the status word when it is none. */
export async function answerOf(
  module: Module,
  ins: number,
  bytes: Uint8Array = commandData,
): Promise<string> {
  const { data: answer, sw } = await speakTo(transportTo(module), ins, bytes)
  return sw === 0x9000 ? encodeHex(answer) : sw.toString(16)
}
