import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyPlaces, unlockTries } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import type { ImageForm } from '@sealwright/core/customization'
import type { AesKey, Crypto } from '@sealwright/core/ports'
import type { Module } from '../src/index.ts'
import { FaultMedium, type Medium, PowerLoss, RamMedium } from '../src/medium/index.ts'
import { memoryImage } from '../src/memory-image/index.ts'
import { everyPowerCut, powerUp, speak, unlockWith, writeRecords } from '../src/testing/index.ts'
import { channelOf, chips, mounted, records, status } from './customization-form.ts'

test('[D4c] RAM form: a power cut at every write of the first UNLOCK leaves issuer mode, or customization mode in which the recorded hash unlocks again', async () => {
  const before = (await mounted('ram')).snapshot()
  const { unlocking } = chips.ram
  const report = await everyPowerCut({
    name: 'unlock to RAM',
    prepare: () => before,
    run: async (medium) => {
      await unlockWith(powerUp(crypto, medium), unlocking)
    },
    async check(medium) {
      const module = powerUp(crypto, medium)
      const { mode, triesLeft } = await status(module)
      assert.ok(triesLeft >= unlockTries - 2)
      assert.equal(module.parts.keys.has(keyPlaces.customization), mode === 'customization')
      // Decrypted software is nowhere, whatever happened.
      assert.equal(module.parts.objects.has('customization-software', 0), false)
      const middle = chips.ram.plaintext.subarray(200, 232)
      assert.deepEqual(memoryImage({ medium, ram: module.parts.ram }).search(middle), [])
      return mode === 'customization' ? 'new' : 'old'
    },
    repeatable: true,
  })
  assert.ok(report.cuts > 10)
})

test('[D4c] RAM form: a power cut at every write of UNLOCK again leaves customization mode, no new OTP entry, and a chip that unlocks', async () => {
  const medium = await mounted('ram')
  const { unlocking } = chips.ram
  assert.equal(await unlockWith(powerUp(crypto, medium), unlocking), 0x9000)
  const before = medium.snapshot()
  const otp = powerUp(crypto, medium).parts.otp.dump()
  const events = powerUp(crypto, medium).parts.events.head()
  let cuts = 0
  for (const cutMode of ['whole', 'torn', 'unreadable', 'lost'] as const) {
    for (let cutAt = 1; ; cutAt++) {
      const ram = RamMedium.from(before)
      const fault = new FaultMedium(ram, { cutAt, mode: cutMode, seed: cutAt })
      try {
        await unlockWith(powerUp(crypto, fault), unlocking)
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error
      }
      if (!fault.dead) break
      cuts++
      const module = powerUp(crypto, ram)
      const { mode, triesLeft } = await status(module)
      assert.equal(mode, 'customization')
      assert.ok(triesLeft >= unlockTries - 1)
      assert.deepEqual([module.parts.otp.dump(), module.parts.events.head()], [otp, events])
      assert.equal(await unlockWith(module, unlocking), 0x9000)
      await finishes(module, 'ram')
    }
  }
  assert.ok(cuts > 10)
})

for (const form of ['eeprom', 'ram'] as const) {
  test(`[D7f] ${form} form: a power cut at every write of FINISH ends in customization mode, where FINISH works again, or in user mode`, async () => {
    const medium = await mounted(form)
    const first = powerUp(crypto, medium)
    assert.equal(await unlockWith(first, chips[form].unlocking), 0x9000)
    assert.equal(await writeRecords(await channelOf(first, form), records), 0x9000)
    const before = medium.snapshot()
    const finishing = async (cut: Medium): Promise<void> => {
      const module = powerUp(crypto, cut)
      if (module.parts.life.mode() === 'user') return
      if (form === 'ram') assert.equal(await unlockWith(module, chips.ram.unlocking), 0x9000)
      await speak(await channelOf(module, form), 'FINISH')
    }
    const report = await everyPowerCut(
      {
        name: `finish ${form}`,
        prepare: () => before,
        run: finishing,
        async check(after) {
          const module = powerUp(crypto, after)
          const { mode } = await status(module)
          if (mode === 'customization') return 'old'
          assert.equal(mode, 'user')
          for (const part of [
            chips[form].plaintext.subarray(200, 232),
            chips[form].encryptedImage.subarray(300, 332),
          ]) {
            assert.deepEqual(memoryImage({ medium: after, ram: module.parts.ram }).search(part), [])
          }
          assert.equal(module.parts.keys.has(keyPlaces.customization), false)
          return 'new'
        },
        repeatable: true,
      },
      { modes: ['whole', 'torn'] },
    )
    assert.ok(report.cuts > 10)
  })
}

test('[D3f][D3g] whatever cuts the power, and whenever, a chip decrypts and compares 64 times at most for whoever has not the key', async () => {
  for (const mode of ['whole', 'torn', 'unreadable', 'lost'] as const) {
    const medium = await mounted('eeprom')
    const { unlocking } = chips.eeprom
    const wrong = { ...unlocking, hash: unlocking.hash.map((byte) => byte ^ 1) }
    let compared = 0
    let starts = 0
    for (; starts < 2000; starts++) {
      // A cut at a step of the start, of counting, or after it; or none.
      const cutAt = 1 + ((starts * 7) % 12)
      const fault = new FaultMedium(medium, { cutAt, mode, seed: starts })
      try {
        await unlockWith(
          powerUp(
            spyingOnDecryption(() => compared++),
            fault,
          ),
          wrong,
        )
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error
      }
      if ((await status(powerUp(crypto, medium))).triesLeft === 0) break
    }
    assert.ok(starts < 2000, `${mode}: still not scrap`)
    assert.ok(compared > 0 && compared <= unlockTries, `${mode}: ${compared}`)
    assert.equal(await unlockWith(powerUp(crypto, medium), unlocking), 0x6983)
    const { mode: chipMode, triesLeft } = await status(powerUp(crypto, medium))
    assert.deepEqual([chipMode, triesLeft], ['issuer', 0])
  }
})

async function finishes(module: Module, form: ImageForm): Promise<void> {
  const channel = await channelOf(module, form)
  assert.equal(await writeRecords(channel, records), 0x9000)
  assert.equal((await speak(channel, 'FINISH')).sw, 0x9000)
}

/** The portable backend, which tells when an image is decrypted. */
function spyingOnDecryption(told: () => void): Crypto {
  return {
    ...crypto,
    aes(key) {
      const handle: AesKey = crypto.aes(key)
      return new Proxy(handle, {
        get(target, name) {
          if (name === 'ctr') told()
          const value = Reflect.get(target, name, target) as unknown
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
}
