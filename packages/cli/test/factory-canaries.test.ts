import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { factoryWorkspaces, filesBelow, finishedChip, memoryOf, mountedChips } from './factory-workspaces.ts'
import { holds, windowLength } from './secret-search.ts'

const world = await factoryWorkspaces()
after(() => rmSync(world.folder, { recursive: true }))

const theirs = [world.manufacturer, world.mounter]
test('[D1b] the search finds a planted canary in every form, whole or cut by a page, in a file of any kind', () => {
  const canary = world.customizationCanary
  const bytes = Buffer.from(canary)
  const noise = Buffer.alloc(333, 'noise')
  const forms: Buffer[] = [
    bytes,
    Buffer.from(encodeHex(canary)),
    Buffer.from(encodeHex(canary).toLowerCase()),
    Buffer.from(encodeHex(canary).replace(/(..)(?=.)/g, '$1 ')),
    Buffer.from(encodeHex(canary).replace(/(..)(?=.)/g, '$1:')),
    Buffer.from(bytes.toString('base64')),
    Buffer.from(Buffer.concat([Buffer.of(1), bytes]).toString('base64')),
    Buffer.from(Buffer.concat([Buffer.of(1, 2), bytes]).toString('base64url')),
    Buffer.from(bytes).reverse(),
    Buffer.from(JSON.stringify([...canary])),
    // Ends a page in its middle, what lies between pages of a chip file after it.
    Buffer.concat([bytes.subarray(0, 16), Buffer.alloc(40, 7), bytes.subarray(16)]),
    Buffer.concat([bytes.subarray(0, 5), Buffer.alloc(40, 7), bytes.subarray(5)]),
    bytes.subarray(7, 7 + windowLength),
  ]
  for (const folder of theirs) {
    const planted = join(folder, 'planted')
    for (const [i, form] of forms.entries()) {
      writeFileSync(planted, Buffer.concat([noise, form, noise]))
      assert.deepEqual(filesWith(canary), [planted], `form ${i}`)
    }
    rmSync(planted)
  }
  assert.deepEqual(filesWith(canary), [])
})

test('[D1b] canaries of the customization software are in no file of manufacturer and mounter, and not in their chips', async () => {
  assert.deepEqual(filesWith(world.customizationCanary), [])
  assert.deepEqual(await chipsWith(world.customizationCanary), [])
  assert.ok(filesIn(world.issuer, world.customizationCanary).some((name) => name.endsWith('own.wasm')))
})

test('[D1c] the additional software is in no file of manufacturer and mounter; the finished chip, which the issuer keeps, has it', async () => {
  assert.deepEqual(filesWith(world.addedCanary), [])
  assert.deepEqual(await chipsWith(world.addedCanary), [])
  assert.ok(holds(await memoryOf(join(world.issuer, finishedChip)), world.addedCanary))
  // And customization has left nothing in it.
  assert.ok(!holds(await memoryOf(join(world.issuer, finishedChip)), world.customizationCanary))
})

test('[D1d] the hash code is in no file of manufacturer and mounter', async () => {
  assert.deepEqual(filesWith(world.unlocking.hash), [])
  assert.deepEqual(await chipsWith(world.unlocking.hash), [])
  assert.ok(filesIn(world.issuer, world.unlocking.hash).length > 0)
})

test('[D1e] the unlocking key is in no file of manufacturer and mounter, and in one place of the issuer', async () => {
  assert.deepEqual(filesWith(world.unlocking.key), [])
  assert.deepEqual(await chipsWith(world.unlocking.key), [])
  const places = filesIn(world.issuer, world.unlocking.key)
  assert.equal(places.length, 1)
  assert.match(places[0]!, /issuer\/keys\/unlocking\//)
  assert.ok(!holds(await memoryOf(join(world.issuer, finishedChip)), world.unlocking.key))
})

test('[D9a][D9b] manufacturer and mounter worked with their own folder, mask, chips, note and serial numbers: no other party was there', () => {
  for (const [folder, party] of [
    [world.manufacturer, 'manufacturer'],
    [world.mounter, 'mounter'],
  ] as const) {
    const parties = filesBelow(folder)
      .map((name) => /^([a-z]+)\/(keys|store)\//.exec(name)?.[1])
      .filter((name) => name !== undefined)
    assert.deepEqual([...new Set(parties)], [party])
  }
  const keys = filesBelow(world.mounter).filter((name) => /^mounter\/keys\/(?!\.)/.test(name))
  assert.ok(keys.length > 0 && keys.every((name) => name.includes('log-signing')), keys.join(' '))
})

/** Files of manufacturer and mounter that hold any run of 16 bytes of it. */
function filesWith(secret: Uint8Array): string[] {
  return theirs.flatMap((folder) => filesIn(folder, secret))
}

function filesIn(folder: string, secret: Uint8Array): string[] {
  return filesBelow(folder)
    .map((name) => join(folder, name))
    .filter((path) => holds(readFileSync(path), secret))
}

/** Chips of the mounter whose memory, as the chip reads it, holds any of it. */
async function chipsWith(secret: Uint8Array): Promise<string[]> {
  const found: string[] = []
  for (const chip of mountedChips) {
    for (const folder of theirs) {
      if (holds(await memoryOf(join(folder, chip)), secret)) found.push(join(folder, chip))
    }
  }
  return found
}
