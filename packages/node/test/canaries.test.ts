import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ascii, concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { openImage, parseMaskFile, parseUnlockingFile } from '@sealwright/core/customization'
import { openMemory } from '@sealwright/module/eeprom'
import { maskGeometry, programMask } from '@sealwright/module/mask'
import { RamMedium, totalPages } from '@sealwright/module/medium'
import { readRom } from '@sealwright/module/rom'
import { customize, finish, mask, products, unlock } from '@sealwright/roles/issuer'
import { certifyModule, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import type { PartyPorts } from '@sealwright/roles/ports'
import { chipFactory, maskLayout } from '../src/chips/index.ts'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import { ChipFile } from '../src/medium/index.ts'
import { openModuleFile } from '../src/transport/index.ts'
import { initWorkspace, openParty } from '../src/workspace/index.ts'
import { programs } from './factory-bench.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-canaries-'))
after(() => rmSync(folder, { recursive: true }))

const customizationCanary = crypto.sha256(ascii('canary of the customization software'))
const addedCanary = crypto.sha256(ascii('canary of the added software'))

interface Secrets {
  readonly key: Uint8Array
  readonly hash: Uint8Array
}

/** The factory in a workspace of files; what manufacturer and mounter are handed lies in `exchange`, chips as delivered in `delivered`. */
async function factory(): Promise<Secrets> {
  const workspace = await initWorkspace(folder, { command: 'test' }, ['issuer', 'manufacturer', 'mounter'])
  const world = { command: 'test' }
  const opened = (['issuer', 'manufacturer', 'mounter'] as const).map((name) =>
    openParty(workspace, name, world),
  )
  const [issuer, manufacturer, mounter] = opened.map(({ ports }) => ports) as [
    PartyPorts,
    PartyPorts,
    PartyPorts,
  ]
  for (const name of ['exchange', 'delivered']) mkdirSync(join(folder, name))
  const hand = (name: string, bytes: Uint8Array): Uint8Array => {
    writeFileSync(join(folder, 'exchange', name), bytes)
    return bytes
  }
  const made = await mask(issuer, {
    name: 'fleet',
    layout: maskLayout,
    program: programs.rom,
    customization: withCanary(programs.customization, customizationCanary),
    eepromSize: 64 * 1024,
  })
  hand('fleet.mask', made.file)
  const chip = join(folder, 'one.chip')
  const names = [chip]
  const produced = await produce(manufacturer, { mask: made.file, factory: chipFactory(folder), names })
  hand('fleet.note', produced.deliveryNote)
  deliver(chip, 'from-manufacturer')
  await mount(mounter, {
    chip: 'one',
    power: async () => openModuleFile(chip),
    serial: decodeHex('0102030405060708'),
    deliveryNote: produced.deliveryNote,
  })
  deliver(chip, 'from-mounter')
  const module = openModuleFile(chip)
  await unlock(issuer, module, { mask: 'fleet' })
  const root = await initRoot(manufacturer)
  const customized = await customize(issuer, module, {
    mask: 'fleet',
    product: products.cash,
    programs: { added: withCanary(programs.added, addedCanary) },
    manufacturerRoot: hand('root.der', root.encoded),
  })
  const request = hand('one.request', customized.identityRequest!)
  const { encoded: certificate } = await certifyModule(manufacturer, { request })
  await finish(issuer, module, { mask: 'fleet', certificate: hand('one.der', certificate) })
  await module.close()
  writeFileSync(join(folder, 'one.memory'), plainMemory(chip))
  const kept = await issuer.vault.useSecret('unlocking/fleet', (bytes) => parseUnlockingFile(bytes).unlocking)
  for (const { close } of opened) close()
  return kept
}

const secrets = await factory()
const theirs = ['manufacturer', 'mounter', 'exchange', 'delivered']

test('[D1a] the mask holds a ROM image and an EEPROM image with nothing but the encrypted software', () => {
  const file = parseMaskFile(new Uint8Array(readFileSync(join(folder, 'exchange', 'fleet.mask'))))
  const medium = new RamMedium(maskGeometry(file), file.rom)
  programMask(medium, file)
  const { objects, otp } = openMemory(medium)
  assert.deepEqual(
    objects.list().map(({ kind }) => kind),
    ['encrypted-image'],
  )
  assert.equal(
    otp.dump().every((byte) => byte === 0),
    true,
  )
  const sealed = objects.read('encrypted-image', 0)!
  const image = openImage(crypto, secrets, sealed, readRom(medium).clientKey)
  assert.deepEqual(image.program, withCanary(programs.customization, customizationCanary))
})

test('[D1b] canaries of the customization software are in no file of manufacturer or mounter; a planted one is found', () => {
  for (const canary of pieces(customizationCanary)) assert.deepEqual(filesWith(canary, theirs), [])
  // What only the customization software holds, as a stand-in for all of its code.
  assert.deepEqual(filesWith(programs.customization.subarray(400, 440), theirs), [])
  const planted = join(folder, 'manufacturer', 'store', 'planted')
  mkdirSync(join(folder, 'manufacturer', 'store'), { recursive: true })
  writeFileSync(
    planted,
    concat(new Uint8Array(1000), customizationCanary.subarray(8, 24), new Uint8Array(77)),
  )
  assert.deepEqual(filesWith(customizationCanary.subarray(8, 24), theirs), ['manufacturer/store/planted'])
  rmSync(planted)
})

test('[D1c] canaries of the added software are in no file of manufacturer or mounter; the customized chip has it', () => {
  for (const canary of pieces(addedCanary)) assert.deepEqual(filesWith(canary, theirs), [])
  assert.deepEqual(filesWith(addedCanary, ['one.memory']), ['one.memory'])
  assert.deepEqual(filesWith(addedCanary, ['one.chip', 'one.chip.key']), [])
})

test('[D1d] the hash code is in no file of manufacturer or mounter', () => {
  for (const piece of pieces(secrets.hash)) assert.deepEqual(filesWith(piece, theirs), [])
  assert.equal(filesWith(secrets.hash, ['issuer']).length > 0, true)
})

test('[D1e] the unlocking key is in no file of manufacturer or mounter', () => {
  for (const piece of pieces(secrets.key)) assert.deepEqual(filesWith(piece, theirs), [])
  assert.equal(filesWith(secrets.key, ['issuer']).length > 0, true)
})

/** Keeps what is handed over with a chip: its file, its key file, and what who has both can read. */
function deliver(chip: string, from: string): void {
  const to = join(folder, 'delivered', from)
  writeFileSync(`${to}.chip`, readFileSync(chip))
  writeFileSync(`${to}.chip.key`, readFileSync(`${chip}.key`))
  writeFileSync(`${to}.memory`, plainMemory(chip))
}

function plainMemory(path: string): Uint8Array {
  const file = ChipFile.open(path)
  try {
    return concat(
      ...Array.from({ length: totalPages(file.medium.geometry) }, (_, page) => file.medium.read(page)),
    )
  } finally {
    file.close()
  }
}

/** The program with the canary in a custom section. */
function withCanary(wasm: Uint8Array, canary: Uint8Array): Uint8Array {
  const content = concat(Uint8Array.of(6), ascii('canary'), canary)
  return concat(wasm, Uint8Array.of(0, content.length), content)
}

/** The whole and its halves, for what a format might have cut. */
function pieces(bytes: Uint8Array): Uint8Array[] {
  return [bytes, bytes.subarray(0, 16), bytes.subarray(16), bytes.subarray(8, 24)]
}

/** Files below these folders that hold the bytes: as they are, in hex of either case, in base64 of any alignment. */
function filesWith(bytes: Uint8Array, folders: readonly string[]): string[] {
  const hex = encodeHex(bytes)
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6))
  })
  const patterns = [
    Buffer.from(bytes),
    ...[hex, hex.toLowerCase(), ...base64].map((text) => Buffer.from(text)),
  ]
  return folders
    .flatMap((name) => filesBelow(name))
    .filter((name) => {
      const content = readFileSync(join(folder, name))
      return patterns.some((pattern) => content.includes(pattern))
    })
}

function filesBelow(name: string): string[] {
  try {
    return readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  } catch {
    return [name]
  }
}
