import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { unlockTries } from '@sealwright/core/catalog'
import type { ImageForm } from '@sealwright/core/customization'
import { mask, unlock } from '@sealwright/roles/issuer'
import { produce } from '@sealwright/roles/manufacturer'
import { discarded, mount } from '@sealwright/roles/mounter'
import { maskInput, party, powered, ramFactory } from './factory-bench.ts'

const serial = decodeHex('0102030405060708')

/** A chip whose tries somebody used up, and the parties it comes to. */
async function scrapChip(form: ImageForm) {
  const issuer = await party('issuer')
  const mounter = await party('mounter')
  const chips = ramFactory(issuer.crypto)
  const { file } = await mask(issuer, maskInput({ form }))
  const { deliveryNote } = await produce(await party('manufacturer'), {
    mask: file,
    factory: chips,
    names: ['a'],
  })
  const medium = chips.chips.get('a')!
  const sent: string[] = []
  const power = () => {
    const { transport } = powered(medium)
    return {
      ...transport,
      transmit: (bytes: Uint8Array) => {
        sent.push(encodeHex(bytes.subarray(0, 2)))
        return transport.transmit(bytes)
      },
    }
  }
  const mounted = () => mount(mounter, { chip: 'a', power: async () => power(), serial, deliveryNote })
  assert.equal((await mounted()).outcome, 'mounted')
  const spend = async () => {
    const wrong = concat(decodeHex('8036000040'), new Uint8Array(64).fill(7))
    for (let i = 0; i < unlockTries; i++) {
      assert.equal(encodeHex(await powered(medium).transport.transmit(wrong)), '6982')
    }
    sent.length = 0
  }
  return { issuer, mounter, medium, mounted, power, sent, spend }
}

test('[D3f] a chip whose tries are used up: the issuer is told that it is scrap, and keeps the unlocking data to himself', async () => {
  const { issuer, medium, power, sent, spend } = await scrapChip('eeprom')
  await spend()
  const before = medium.snapshot().pages
  await assert.rejects(unlock(issuer, power(), { mask: 'fleet' }), {
    code: 'module-blocked',
    message: /0102030405060708 is scrap/,
  })
  assert.ok(!sent.includes('8036'))
  assert.deepEqual(medium.snapshot().pages, before)
})

test('[D3f][D9c] the mounter discards a chip whose tries are used up, and lists it', async () => {
  const { mounter, mounted, spend } = await scrapChip('eeprom')
  await spend()
  const again = await mounted()
  assert.equal(again.outcome, 'discarded')
  assert.match((await discarded(mounter))[0]!.reason, /^scrap/)
})

test('[D3f] the RAM form without power and tries: refused before anything secret leaves', async () => {
  const { issuer, power, sent, spend } = await scrapChip('ram')
  assert.equal((await unlock(issuer, power(), { mask: 'fleet' })).already, false)
  await spend()
  await assert.rejects(unlock(issuer, power(), { mask: 'fleet' }), { code: 'module-blocked' })
  assert.ok(!sent.includes('8036'))
})
