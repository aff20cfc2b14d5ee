import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat, decodeHex, encodeHex, equal } from '@sealwright/core/bytes'
import { commands } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { parseChipStatus, serializeUnlockingData } from '@sealwright/core/customization'
import fc from 'fast-check'
import { openMemory } from '../src/eeprom/index.ts'
import { type RamMedium, totalPages } from '../src/medium/index.ts'
import { maskedChip, powerUp } from '../src/testing/index.ts'
import { committed } from './programs.ts'

const masked = maskedChip({ crypto, program: committed('rom'), customization: committed('customization') })
const serial = decodeHex('0102030405060708')
const serviceCommands = ['CHIP STATUS', 'SELF TEST', 'WRITE SERIAL', 'UNLOCK'] as const
const accepted = new Set<number>(serviceCommands.map((name) => commands[name].ins))

test('[D2a] a masked chip starts in issuer mode and answers reset, chip status and self-test', () => {
  const medium = masked.chip()
  const module = powerUp(crypto, medium)
  for (const _ of [1, 2]) {
    const status = parseChipStatus(answer(module.transmit(decodeHex('8030000000'))))
    assert.deepEqual(status, {
      mode: 'issuer',
      serial: undefined,
      triesLeft: 64,
      otp: new Uint8Array(32),
      romDigest: crypto.sha256(masked.mask.rom),
      imageIv: openMemory(medium).objects.read('encrypted-image', 0)!.slice(0, 16),
    })
    assert.equal(answer(module.transmit(decodeHex('8032000000')))[0], 0x00)
    module.reset()
  }
  assert.equal(
    openMemory(medium)
      .otp.dump()
      .every((byte) => byte === 0),
    true,
  )
})

test('[D2b] the serial number is written once; again, or all zeros, or of another length, it is refused', () => {
  const medium = masked.chip()
  const module = powerUp(crypto, medium)
  for (const wrong of [
    '80340000',
    '803400000701020304050607',
    '8034000009010203040506070809',
    '80340000080000000000000000',
  ]) {
    assert.equal(sw(module.transmit(decodeHex(wrong))), '6A80')
  }
  for (const wrong of ['8034010008', '8034000108']) {
    assert.equal(sw(module.transmit(concat(decodeHex(wrong), serial))), '6A86')
  }
  for (const wrong of ['8030010000', '8030000100', '8032010000', '8032000100']) {
    assert.equal(sw(module.transmit(decodeHex(wrong))), '6A86')
  }
  for (const wrong of ['8030000001AA', '8032000001AA']) {
    assert.equal(sw(module.transmit(decodeHex(wrong))), '6700')
  }
  assert.equal(sw(module.transmit(writeSerial(serial))), '9000')
  const before = bytesOf(medium)
  assert.equal(sw(module.transmit(writeSerial(serial))), '6985')
  assert.equal(sw(module.transmit(writeSerial(decodeHex('1111111111111111')))), '6985')
  assert.equal(equal(bytesOf(medium), before), true)
  const again = powerUp(crypto, medium)
  assert.equal(sw(again.transmit(writeSerial(serial))), '6985')
  assert.deepEqual(parseChipStatus(answer(again.transmit(decodeHex('8030000000')))).serial, serial)
})

test('[D2c][D2d] every other CLA/INS pair is refused, with data and without; medium and OTP do not change by a bit', () => {
  const medium = masked.chip()
  powerUp(crypto, medium).transmit(writeSerial(serial))
  const module = powerUp(crypto, medium)
  const before = bytesOf(medium)
  const tails = [decodeHex('0000'), decodeHex('000000'), concat(decodeHex('000008'), serial)]
  let taken = 0
  for (let cla = 0; cla < 0x100; cla++) {
    for (let ins = 0; ins < 0x100; ins++) {
      for (const tail of tails) {
        // The service commands' own class; the others are no pairs of theirs.
        if (cla === 0x80 && accepted.has(ins)) continue
        const reply = module.transmit(concat(Uint8Array.of(cla, ins), tail))
        if (reply.length === 2 && reply[0]! >= 0x62 && reply[0]! < 0x70) continue
        // A first segment of a service command is kept until the last comes.
        assert.equal(cla, 0x90, `${hex(cla)} ${hex(ins)} was answered ${encodeHex(reply)}`)
        assert.equal(accepted.has(ins), true)
        taken++
      }
    }
    module.reset()
  }
  assert.equal(taken, accepted.size * tails.length)
  assert.equal(equal(bytesOf(medium), before), true)
  assert.equal(parseChipStatus(answer(module.transmit(decodeHex('8030000000')))).mode, 'issuer')
})

test('[D2e] any order of service commands leaves the chip in issuer mode; UNLOCK without a serial number is refused', () => {
  const unlock = apdu('UNLOCK', serializeUnlockingData(masked.unlocking))
  const fresh = masked.chip()
  const before = bytesOf(fresh)
  assert.equal(sw(powerUp(crypto, fresh).transmit(unlock)), '6985')
  assert.equal(equal(bytesOf(fresh), before), true)
  const service = fc.constantFrom(
    apdu('CHIP STATUS'),
    apdu('SELF TEST'),
    apdu('WRITE SERIAL', serial),
    apdu('WRITE SERIAL', decodeHex('0000000000000000')),
    apdu('UNLOCK', ascii('short')),
    apdu('FINISH'),
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(service, fc.constant('reset' as const)), { maxLength: 12 }), (steps) => {
      const medium = masked.chip()
      let module = powerUp(crypto, medium)
      for (const step of steps) {
        if (step === 'reset') module = powerUp(crypto, medium)
        else module.transmit(step)
      }
      assert.equal(parseChipStatus(answer(module.transmit(apdu('CHIP STATUS')))).mode, 'issuer')
      assert.equal(
        openMemory(medium)
          .otp.dump()
          .every((byte) => byte === 0),
        true,
      )
    }),
    { numRuns: 25 },
  )
})

function apdu(name: keyof typeof commands, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const header = Uint8Array.of(0x80, commands[name].ins, 0, 0)
  return data.length === 0 ? header : concat(header, Uint8Array.of(data.length), data)
}

function writeSerial(value: Uint8Array): Uint8Array {
  return apdu('WRITE SERIAL', value)
}

function answer(reply: Uint8Array): Uint8Array {
  assert.equal(sw(reply), '9000')
  return reply.subarray(0, -2)
}

function sw(reply: Uint8Array): string {
  return encodeHex(reply.subarray(-2))
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0').toUpperCase()
}

/** Every byte of the medium: OTP, EEPROM, journal and ROM. */
function bytesOf(medium: RamMedium): Uint8Array {
  return concat(...Array.from({ length: totalPages(medium.geometry) }, (_, page) => medium.read(page)))
}
