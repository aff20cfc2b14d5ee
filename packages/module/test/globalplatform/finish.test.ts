import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import { type CommandName, commands, productDataIds } from '@sealwright/core/catalog'
import { serializeAesKeyObject, type WriteRecord } from '@sealwright/core/customization'
import { serializeKeyPlace } from '@sealwright/core/key-download'
import type { Transport } from '@sealwright/core/ports'
import type { RamMedium } from '../../src/medium/index.ts'
import {
  customizationChannel,
  fixtureKey,
  maskedChip,
  powerUp,
  speak,
  transportTo,
  unlockWith,
  writeRecords,
} from '../../src/testing/index.ts'
import { committed } from '../programs.ts'
import { Card, crypto, factoryKey, memoryOf, sw } from './card.ts'
import { ownSet } from './fixture.ts'
import { keysOf } from './management.ts'
import { openScp03 } from './session.ts'

const serial = decodeHex('0102030405060708')
const programs = { program: committed('rom'), customization: committed('customization') }
const chips = {
  real: maskedChip({ crypto, ...programs }),
  test: maskedChip({ crypto, ...programs, test: true }),
}
const face: readonly CommandName[] = [
  'SELECT',
  'GET DATA',
  'INITIALIZE UPDATE',
  'EXTERNAL AUTHENTICATE',
  'GET STATUS',
  'PUT KEY',
]

async function unlocked(kind: keyof typeof chips): Promise<{ medium: RamMedium; channel: Transport }> {
  const masked = chips[kind]
  const medium = masked.chip()
  const module = powerUp(crypto, medium)
  await speak(transportTo(module), 'WRITE SERIAL', serial)
  assert.equal(await unlockWith(module, masked.unlocking), 0x9000)
  return { medium, channel: await customizationChannel(crypto, module, masked.unlocking.key, serial) }
}

/** A chip customized with these records and finished. */
async function finished(kind: keyof typeof chips, records: readonly WriteRecord[]): Promise<Card> {
  const { medium, channel } = await unlocked(kind)
  // Identical modules need no identity to be finished.
  const flags: WriteRecord = {
    kind: 'put',
    object: 'product-data',
    id: productDataIds.flags,
    bytes: Uint8Array.of(1),
  }
  assert.equal(await writeRecords(channel, [flags, ...records, ...activated('FINISH')]), 0x9000)
  assert.equal((await speak(channel, 'FINISH')).sw, 0x9000)
  return new Card(medium, (from) => powerUp(crypto, from))
}

function activated(...names: readonly CommandName[]): WriteRecord[] {
  return names.map((name) => ({ kind: 'activate', entry: commands[name].entry }))
}

const set: readonly WriteRecord[] = ownSet.map((key, i) => ({
  kind: 'put',
  object: 'key',
  id: 0xfd00_3001 + i,
  bytes: serializeAesKeyObject(key),
}))

test('FINISH gives a test module with security domains the factory keys, and no other one', async () => {
  const card = await finished('test', activated(...face))
  card.select()
  assert.deepEqual(keysOf(card), ['01FF88', '02FF88', '03FF88'])
  assert.equal(sw(openScp03(card).send('80F28002024F0000')), '9000')

  const real = await finished('real', activated(...face))
  real.select()
  assert.deepEqual(keysOf(real), [])
  assert.equal(sw(real.send('80500000080102030405060708')), '6A88')
  assert.equal(real.copies(factoryKey), 0)

  // Without the commands of security domains there is nobody to give them to.
  const bare = await finished('test', activated('SELECT', 'GET DATA', 'INITIALIZE UPDATE'))
  assert.deepEqual(keysOf(bare), [])
})

test("keys of the issuer security domain that customization has written stand in the place of the factory's", async () => {
  for (const kind of ['test', 'real'] as const) {
    const card = await finished(kind, [...activated(...face), ...set])
    card.select()
    assert.deepEqual(keysOf(card), ['013088', '023088', '033088'])
    assert.equal(sw(openScp03(card, { keys: ownSet }).send('80F28002024F0000')), '9000')
  }
})

test('customization writes AES keys of the issuer security domain, and nothing else into the places of security domains', async () => {
  const key = serializeAesKeyObject(ownSet[0])
  const place = serializeKeyPlace({ kind: 'application', usage: 'M6', source: 0 })
  const { publicPoint } = fixtureKey(crypto, 'somebody')
  const refused: readonly WriteRecord[] = [
    { kind: 'put', object: 'key', id: 0xfd01_3001, bytes: key },
    { kind: 'put', object: 'key-place', id: 0xfd00_3001, bytes: place },
    { kind: 'put', object: 'public-key', id: 0xfd00_0310, bytes: publicPoint },
  ]
  for (const record of refused) {
    const { channel, medium } = await unlocked('real')
    const before = memoryOf(medium)
    assert.equal(await writeRecords(channel, [record]), 0x6982)
    assert.equal(memoryOf(medium), before)
  }
})
