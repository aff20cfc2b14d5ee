import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { certificateIds, dataTags, identityProofs, keyPlaces } from '@sealwright/core/catalog'
import { AuthError } from '@sealwright/core/errors'
import { deriveCredential } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { areaOf, type RamMedium, totalPages } from '@sealwright/module/medium'
import { memoryImage } from '@sealwright/module/memory-image'
import { key as centralKey, session } from '@sealwright/roles/central'
import { plain } from '@sealwright/roles/channel'
import { readData } from '@sealwright/roles/custody'
import { customize, finish, products, unlock } from '@sealwright/roles/issuer'
import { certifyUnit, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { memoryPorts, type PartyPorts } from '@sealwright/roles/ports'
import {
  credentialKey,
  makeCredentials,
  type PersonalizeInput,
  personalize,
  request,
} from '@sealwright/roles/unit'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import { clock, mask, maskInput, party, powered, programs, ramFactory } from './factory-bench.ts'
import { signed } from './personalization-world.ts'

const issuer = await party('issuer', crypto)
const manufacturer = await party('manufacturer', crypto)
const made = await mask(issuer, maskInput())
const root = (await initRoot(manufacturer)).encoded

/** A chip from the mask to user mode, with randomness of its own. */
async function identical(serial: Uint8Array, seed: string, credentials?: Uint8Array): Promise<RamMedium> {
  const chips = ramFactory(crypto)
  const { deliveryNote } = await produce(manufacturer, { mask: made.file, factory: chips, names: ['a'] })
  const chip = chips.chips.get('a')!
  const power = () => powered(chip, crypto, scriptedEntropy(seed)).transport
  await mount(await party('mounter', crypto), { chip: 'a', power: async () => power(), serial, deliveryNote })
  await unlock(issuer, power(), { mask: 'fleet' })
  const done = await customize(issuer, power(), {
    mask: 'fleet',
    product: { ...products.cash, identical: true, leastChannel: 'unauthenticated' },
    programs,
    manufacturerRoot: root,
    ...(credentials === undefined ? {} : { credentials }),
  })
  assert.equal(done.papers.length, 0)
  assert.equal(done.identityRequest, undefined)
  await finish(issuer, power(), { mask: 'fleet' })
  return chip
}

const first = decodeHex('1111111111111111')
const second = decodeHex('2222222222222222')

const pagesOf = (chip: RamMedium): string[] =>
  Array.from({ length: totalPages(chip.geometry) }, (_, page) => encodeHex(chip.read(page)))

test('[B22a] two modules with other randomness and one serial number are the same to the byte; with two, they differ in it, its digests and the event chain', async () => {
  const one = await identical(first, 'one')
  assert.deepEqual(pagesOf(await identical(first, 'another')), pagesOf(one))

  const other = await identical(second, 'third')
  const { objects, nvm } = powered(one, crypto).module.parts
  const named = new Set<number>()
  const mark = ({ address, length }: { address: number; length: number }): void => {
    for (let at = address; at < address + length; at++) named.add(at)
  }
  mark(objects.find('control', 0)!)
  for (const entry of objects.list('event')) mark(entry)
  const bytes = [nvm.read(0, nvm.size), powered(other, crypto).module.parts.nvm.read(0, nvm.size)]
  const differing = [...bytes[0]!.keys()].filter((at) => bytes[0]![at] !== bytes[1]![at])
  assert.ok(differing.length > 90)
  assert.deepEqual(
    differing.filter((at) => !named.has(at)),
    [],
  )
  const otp = areaOf(one.geometry, 'otp')
  for (let page = otp.first; page < otp.first + otp.pages; page++) {
    assert.deepEqual(one.read(page), other.read(page))
  }
  assert.deepEqual(objects.list('key'), [], 'it holds no key at all')
})

interface Customer {
  readonly unit: PartyPorts
  readonly central: PartyPorts
  readonly order: Omit<PersonalizeInput, 'serial'>
  readonly point: Uint8Array
}

async function customerNamed(name: string): Promise<Customer> {
  const entropy = (role: string) => scriptedEntropy(`${role} of ${name}`)
  const own = await memoryPorts('unit', { clock, crypto, entropy: entropy('unit') })
  const central = await memoryPorts('central', { clock, crypto, entropy: entropy('central') })
  const asked = await request(own, {
    name: `unit of ${name}`,
    customer: crypto.sha256(Buffer.from(name)).slice(0, 16),
  })
  const certificate = await certifyUnit(manufacturer, signed(asked))
  const key = await centralKey(central, { name: `central of ${name}` })
  return {
    unit: own,
    central,
    point: certificate.publicPoint,
    order: {
      ...{ unit: certificate.encoded, root, central: key.document, centralFingerprint: key.fingerprint },
      ...{ insecureNoIdentity: true, channel: 'ephemeral', leastChannel: 'unauthenticated' },
    },
  }
}

describe('identical modules', () => {
  test('[B22b] a module says that it has no proof of identity, and a unit takes it only when it is told to', async () => {
    const chip = await identical(first, 'one')
    const { transport } = powered(chip, crypto)
    assert.deepEqual(
      await readData(plain(transport), dataTags.identityProof),
      Uint8Array.of(identityProofs.none.code),
    )
    assert.equal(await readData(plain(transport), certificateIds.identity.tag), undefined)
    const { unit, order } = await customerNamed('bank')
    await assert.rejects(
      personalize(unit, transport, { ...order, serial: first, insecureNoIdentity: false }),
      {
        code: 'wrong-state',
      },
    )
    const done = await personalize(unit, transport, { ...order, serial: first })
    assert.equal(done.operating.certificate!.subject.serialNumber, '1111111111111111')
  })

  test('[B22c] two equal modules out of one stock go to two customers, and each works with its own central system alone', async () => {
    const chips = [await identical(first, 'one'), await identical(second, 'two')]
    const customers = [await customerNamed('bank'), await customerNamed('shop')]
    const transports: Transport[] = []
    for (const [i, { unit, order }] of customers.entries()) {
      const { transport } = powered(chips[i]!, crypto, scriptedEntropy(`power ${i}`))
      transports.push(transport)
      await personalize(unit, transport, { ...order, serial: [first, second][i]! })
    }
    for (const [i, { central, point }] of customers.entries()) {
      await session(central, transports[i]!, { unit: { point } }, async () => {})
      await assert.rejects(session(central, transports[1 - i]!, { unit: { point } }, async () => {}))
    }
  })
})

describe('credentials that the customer makes', () => {
  test('[B23a] the manufacturer puts it in and has nothing to make or check one with; the unit has it proven', async () => {
    const { unit, order } = await customerNamed('bank')
    const credentials = await makeCredentials(unit, { serials: [second, first] })
    const chip = await identical(first, 'one', credentials)
    const { transport, module } = powered(chip, crypto)
    assert.deepEqual(
      await readData(plain(transport), dataTags.identityProof),
      Uint8Array.of(identityProofs.credential.code),
    )
    // The key that would check it is the unit's; in the credential it does not lie, nor anywhere else outside.
    await unit.vault.useSecret(credentialKey, async (key) => {
      const mine = deriveCredential(crypto, key, first)
      assert.deepEqual(module.parts.objects.read('key', keyPlaces.credential)!.slice(1), mine)
      for (const ports of [manufacturer, issuer]) {
        for (const name of await ports.store.list()) {
          const file = Buffer.from((await ports.store.read(name))!)
          assert.equal(file.includes(Buffer.from(key)), false)
        }
        assert.equal(await ports.vault.has(credentialKey), false)
      }
      assert.equal(Buffer.from(credentials).includes(Buffer.from(key)), false)
      assert.deepEqual(memoryImage({ medium: chip, ram: module.parts.ram }).search(key), [])
    })
    const done = await personalize(unit, transport, { ...order, serial: first, credential: true })
    assert.equal(done.already, false)
  })

  test('[B23b] copied into a module of another serial number it is refused before anything is signed', async () => {
    const { unit, order } = await customerNamed('bank')
    const credentials = await makeCredentials(unit, { serials: [first, second] })
    const chip = await identical(second, 'two', credentials)
    const { transport, module } = powered(chip, crypto)
    const { nvm, keys } = module.parts
    await unit.vault.useSecret(credentialKey, (key) =>
      nvm.transaction((tx) => keys.putAes(tx, keyPlaces.credential, deriveCredential(crypto, key, first))),
    )
    await assert.rejects(
      personalize(unit, transport, { ...order, serial: second, credential: true }),
      AuthError,
    )
    assert.equal(module.parts.life.state(), 'awaiting-personalization')
    assert.equal((await unit.store.list('central/')).length, 0, 'nothing was signed')
    const none = await identical(second, 'three')
    await assert.rejects(
      personalize(unit, powered(none, crypto).transport, { ...order, serial: second, credential: true }),
      { code: 'wrong-state' },
    )
  })

  test('[B23b] a module that is not among those of the file gets none, and nothing is customized', async () => {
    const { unit } = await customerNamed('bank')
    const credentials = await makeCredentials(unit, { serials: [first] })
    await assert.rejects(identical(second, 'two', credentials), { code: 'wrong-module' })
    await assert.rejects(makeCredentials(unit, { serials: [first, first] }), { code: 'usage' })
    await assert.rejects(makeCredentials(unit, { serials: [] }), { code: 'usage' })
  })

  test('[B23a] a credential of another customer proves nothing to this one', async () => {
    const [bank, shop] = [await customerNamed('bank'), await customerNamed('shop')]
    const credentials = await makeCredentials(shop.unit, { serials: [first] })
    await makeCredentials(bank.unit, { serials: [first] })
    const chip = await identical(first, 'one', credentials)
    const { transport } = powered(chip, crypto)
    await assert.rejects(
      personalize(bank.unit, transport, { ...bank.order, serial: first, credential: true }),
      AuthError,
    )
  })
})
