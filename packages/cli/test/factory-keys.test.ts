import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { after, test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import {
  customizationChannelKeys,
  documentChannelKeys,
  parseModulePapers,
} from '@sealwright/core/customization'
import { nodeCrypto as crypto } from '@sealwright/node/crypto'
import { openModuleFile } from '@sealwright/node/transport'
import { factoryWorkspaces, filesBelow, finishedChip, memoryOf } from './factory-workspaces.ts'
import { holds } from './secret-search.ts'

const world = await factoryWorkspaces()
after(() => rmSync(world.folder, { recursive: true }))

const serial = decodeHex('0000000000000003')
const { documentKey } = parseModulePapers(new Uint8Array(readFileSync(join(world.issuer, 'done.papers'))))
const channel = customizationChannelKeys(crypto, world.unlocking.key, serial)
const document = documentChannelKeys(crypto, documentKey, serial)
const opened = openModuleFile(join(world.issuer, finishedChip))
const identity = opened.module.parts.objects.read('key', keyPlaces.identity)!.slice(1)
await opened.close()

const issuers = (pattern: RegExp) => (name: string) => name.startsWith('issuer/') && pattern.test(name)
/** Each secret of the stretch, and the files that may hold it: the one place where it belongs, and what hands it on. */
const secrets: Record<string, { bytes: Uint8Array; mayHold: (file: string) => boolean; places: number }> = {
  'unlocking key': { bytes: world.unlocking.key, mayHold: issuers(/issuer\/keys\/unlocking\//), places: 1 },
  'ENC of the customization channel': { bytes: channel.enc, mayHold: () => false, places: 0 },
  'MAC of the customization channel': { bytes: channel.mac, mayHold: () => false, places: 0 },
  'DEK of the customization channel': { bytes: channel.dek, mayHold: () => false, places: 0 },
  'document key': {
    bytes: documentKey,
    mayHold: issuers(/done\.papers$|issuer\/keys\//),
    places: 2,
  },
  'ENC of the document channel': { bytes: document.enc, mayHold: () => false, places: 0 },
  'identity key': { bytes: identity, mayHold: () => false, places: 0 },
}

test('[R6a][R6b] a planted key is found in every kind of file there is', () => {
  const victims = [
    'issuer/issuer.trace',
    'mounter/chips.trace',
    'issuer/done.chip',
    'manufacturer/fleet.note',
  ]
  for (const victim of victims) {
    const path = join(world.folder, victim)
    const content = readFileSync(path)
    for (const form of [
      world.unlocking.key,
      Buffer.from(Buffer.from(world.unlocking.key).toString('base64')),
    ]) {
      writeFileSync(path, Buffer.concat([content.subarray(0, 300), form, content.subarray(300)]))
      assert.ok(filesWith(world.unlocking.key).includes(victim), victim)
    }
    writeFileSync(path, content)
  }
})

for (const [name, { bytes, mayHold, places }] of Object.entries(secrets)) {
  test(`[R6a][R6b] ${name}: in no file, trace or word of the three parties, no chip and no copy of one, but where it belongs`, () => {
    const found = filesWith(bytes)
    assert.deepEqual(
      found.filter((file) => !mayHold(file)),
      [],
    )
    assert.equal(found.length, places, found.join(' '))
  })
}

test('[R6c] in the memory of a chip each key stands once, while it serves; the unlocking key and the document key never', async () => {
  const expected = {
    'unlocked.chip': { channel: 1, document: 0, identity: 0 },
    'customized.chip': { channel: 1, document: 1, identity: 1 },
    [finishedChip]: { channel: 0, document: 1, identity: 1 },
  }
  for (const [chip, counts] of Object.entries(expected)) {
    const memory = Buffer.from(await memoryOf(join(world.issuer, chip)))
    const copies = (key: Uint8Array): number => {
      let count = 0
      for (let at = memory.indexOf(key); at >= 0; at = memory.indexOf(key, at + 1)) count++
      return count
    }
    for (const key of [channel.enc, channel.mac, channel.dek]) assert.equal(copies(key), counts.channel, chip)
    for (const key of [document.enc, document.mac, document.dek])
      assert.equal(copies(key), counts.document, chip)
    assert.equal(copies(identity), counts.identity, chip)
    assert.ok(!holds(memory, world.unlocking.key), chip)
    assert.ok(!holds(memory, documentKey), chip)
  }
})

function filesWith(secret: Uint8Array): string[] {
  return filesBelow(world.folder)
    .filter((name) => holds(readFileSync(join(world.folder, name)), secret))
    .map((name) => relative('', name))
}
