import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex, u32 } from '@sealwright/core/bytes'
import { eventTypes } from '@sealwright/core/catalog'
import { maskPagesOf, parseMaskFile } from '@sealwright/core/customization'
import { chainStart, nextLink } from '@sealwright/core/log'
import { openMemory, serializeObjectEntry } from '@sealwright/module/eeprom'
import { areaOf, type RamMedium, totalPages } from '@sealwright/module/medium'
import { plain } from '@sealwright/roles/channel'
import { mask } from '@sealwright/roles/issuer'
import { produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { maskInput, party, powered, ramFactory } from './factory-bench.ts'

const issuer = await party('issuer')
const made = await mask(issuer, maskInput())
const { crypto } = issuer

/** A chip as delivered, and the same one mounted with a serial number. */
async function mounted(serial: Uint8Array): Promise<{ delivered: RamMedium; chip: RamMedium }> {
  const chips = ramFactory(crypto)
  const names = ['a']
  const { deliveryNote } = await produce(await party('manufacturer'), {
    mask: made.file,
    factory: chips,
    names,
  })
  const chip = chips.chips.get('a')!
  const delivered = chip.clone()
  const power = async () => powered(chip).transport
  const { outcome } = await mount(await party('mounter'), { chip: 'a', power, serial, deliveryNote })
  assert.equal(outcome, 'mounted')
  return { delivered, chip }
}

test('[D9d] after mounting every byte of EEPROM, OTP, journal and ROM is the delivered one, but for the serial number and the event that tells of it', async () => {
  const serial = decodeHex('0102030405060708')
  const { delivered, chip } = await mounted(serial)
  // What was delivered is what the mask says, to the byte.
  const order = parseMaskFile(made.file)
  const before = openMemory(delivered)
  assert.deepEqual(maskPagesOf(before.nvm.read(0, before.nvm.size)), order.eeprom)
  assert.deepEqual(before.rom.bytes, order.rom)

  const [image] = before.objects.list()
  const free = image!.address + image!.length
  const start = chainStart(
    crypto,
    crypto.sha256(order.rom),
    crypto.sha256(before.objects.read('encrypted-image', 0)!),
  )
  const digest = crypto.sha256(serial)
  const type = eventTypes['serial-written'].code
  const chain = nextLink(crypto, { previous: start, serial, number: 1, type, digest })
  const one = u32(1)
  const placed = [
    { kind: 'control', id: 0, bytes: serial },
    { kind: 'event', id: 0, bytes: concat(one, chain) },
    { kind: 'event', id: 1, bytes: concat(one, Uint8Array.of(type), digest, chain) },
  ] as const
  const expected = before.nvm.read(0, before.nvm.size)
  let address = free
  for (const [i, { kind, id, bytes }] of placed.entries()) {
    expected.set(bytes, address)
    const entry = serializeObjectEntry({ kind, id, address, length: bytes.length })
    expected.set(entry, before.nvm.zones.directory.start + 16 * (i + 1))
    address += bytes.length
  }
  assert.equal(address - free, 8 + 36 + 69)
  const after = openMemory(chip)
  assert.deepEqual(after.nvm.read(0, after.nvm.size), expected)
  for (const name of ['otp', 'journal', 'rom'] as const) {
    const { first, pages } = areaOf(chip.geometry, name)
    for (let page = first; page < first + pages; page++) {
      assert.deepEqual(chip.read(page), delivered.read(page), `${name}, page ${page}`)
    }
  }
})

test('[D9d] two chips of a mask differ after mounting in the serial number, its digest and the chain, and in nothing else', async () => {
  const [one, other] = [
    await mounted(decodeHex('1111111111111111')),
    await mounted(decodeHex('2222222222222222')),
  ]
  const { objects, nvm } = openMemory(one.chip)
  const named = new Set<number>()
  for (const [kind, id, from] of [
    ['control', 0, 0],
    ['event', 0, 4],
    ['event', 1, 5],
  ] as const) {
    const { address, length } = objects.find(kind, id)!
    for (let at = address + from; at < address + length; at++) named.add(at)
  }
  const bytes = [nvm.read(0, nvm.size), openMemory(other.chip).nvm.read(0, nvm.size)]
  const differing = [...bytes[0]!.keys()].filter((at) => bytes[0]![at] !== bytes[1]![at])
  assert.ok(differing.length > 90)
  assert.deepEqual(
    differing.filter((at) => !named.has(at)),
    [],
  )
  const { first } = areaOf(one.chip.geometry, 'journal')
  for (let page = first; page < totalPages(one.chip.geometry); page++) {
    assert.deepEqual(one.chip.read(page), other.chip.read(page))
  }
})

test('[D9d] whatever else a mounter sends to a mounted chip leaves it as it is', async () => {
  const { chip } = await mounted(decodeHex('0102030405060708'))
  const before = chip.snapshot().pages
  const channel = plain(powered(chip).transport)
  for (const [name, data] of [
    ['SELF TEST', new Uint8Array(0)],
    ['WRITE SERIAL', decodeHex('3333333333333333')],
    ['UNLOCK', new Uint8Array(63)],
    ['WRITE', new Uint8Array(20)],
    ['FINISH', new Uint8Array(0)],
    ['SELECT', decodeHex('A000000151000000')],
    ['INITIALIZE UPDATE', new Uint8Array(8)],
  ] as const) {
    const { sw } = await channel.exchange(name, { data })
    assert.equal(sw === 0x9000, name === 'SELF TEST', name)
  }
  assert.deepEqual(chip.snapshot().pages, before)
})
