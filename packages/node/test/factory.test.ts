import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { parseChipStatus } from '@sealwright/core/customization'
import { plain } from '@sealwright/roles/channel'
import { customize, finish, products, unlock } from '@sealwright/roles/issuer'
import { produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import {
  certifyModule,
  initRoot,
  mask,
  maskInput,
  party,
  powered,
  programs,
  ramFactory,
} from './factory-bench.ts'

const serial = decodeHex('0102030405060708')

test('a chip goes from the mask to user mode', async () => {
  const issuer = await party('issuer')
  const manufacturer = await party('manufacturer')
  const mounter = await party('mounter')
  const factory = ramFactory(issuer.crypto)
  const { file } = await mask(issuer, maskInput())
  const { deliveryNote } = await produce(manufacturer, { mask: file, factory, names: ['a'] })
  const medium = factory.chips.get('a')!
  const mounted = await mount(mounter, {
    chip: 'a',
    power: async () => powered(medium).transport,
    serial,
    deliveryNote,
  })
  assert.equal(mounted.outcome, 'mounted')
  const { transport, module } = powered(medium)
  const unlocked = await unlock(issuer, transport, { mask: 'fleet' })
  assert.equal(unlocked.entries.length, 1)
  const root = await initRoot(manufacturer)
  const customized = await customize(issuer, transport, {
    mask: 'fleet',
    product: products.terminal,
    programs,
    manufacturerRoot: root.encoded,
  })
  const certificate = await certifyModule(manufacturer, { request: customized.identityRequest! })
  const finished = await finish(issuer, transport, { mask: 'fleet', certificate: certificate.encoded })
  assert.equal(finished.entries.length, 2)
  const status = parseChipStatus(await plain(transport).send('CHIP STATUS'))
  assert.equal(status.mode, 'user')
  const info = await plain(transport).send('PRODUCT INFO')
  console.log(encodeHex(info), customized.writes)
  void module
})
