import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, decodeHex, encodeHex, equal, fromAscii } from '@sealwright/core/bytes'
import { commandByEntry, commands, dataTags, keyVersions } from '@sealwright/core/catalog'
import { privateScalar } from '@sealwright/core/crypto'
import {
  documentChannelKeys,
  identityRequestInput,
  parseChipStatus,
  parseModulePapers,
  scp03KeysOf,
  serializeIdentityRequest,
} from '@sealwright/core/customization'
import { AuthError, PeerError, StateError, UsageError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { RamMedium } from '@sealwright/module/medium'
import { certify, initAuthority } from '@sealwright/roles/authority'
import { openScp03, plain } from '@sealwright/roles/channel'
import { parseEvents, readData } from '@sealwright/roles/custody'
import {
  certifiedPoints,
  customize,
  finish,
  mask,
  type ProductName,
  products,
  unlock,
} from '@sealwright/roles/issuer'
import { certifyModule, initRoot, produce } from '@sealwright/roles/manufacturer'
import { discarded, mount } from '@sealwright/roles/mounter'
import { key as operatorKey } from '@sealwright/roles/operator'
import type { PartyPorts } from '@sealwright/roles/ports'
import { nodeCrypto } from '../src/crypto/index.ts'
import { maskInput, party, powered, programs, ramFactory } from './factory-bench.ts'

const serial = decodeHex('0102030405060708')

interface Factory {
  readonly issuer: PartyPorts
  readonly manufacturer: PartyPorts
  readonly mounter: PartyPorts
  readonly maskFile: Uint8Array
  readonly deliveryNote: Uint8Array
  readonly chips: Map<string, RamMedium>
  readonly root: Uint8Array
}

async function factory(names: readonly string[] = ['a']): Promise<Factory> {
  const issuer = await party('issuer')
  const manufacturer = await party('manufacturer')
  const mounter = await party('mounter')
  const chips = ramFactory(issuer.crypto)
  const { file } = await mask(issuer, maskInput())
  const { deliveryNote } = await produce(manufacturer, { mask: file, factory: chips, names })
  const { encoded: root } = await initRoot(manufacturer)
  return { issuer, manufacturer, mounter, maskFile: file, deliveryNote, chips: chips.chips, root }
}

function mountChip({ mounter, chips, deliveryNote }: Factory, chip = 'a', number = serial) {
  const power = async () => powered(chips.get(chip)!).transport
  return mount(mounter, { chip, power, serial: number, deliveryNote })
}

function customizeInput({ root }: Factory, product: ProductName = 'cash') {
  return { mask: 'fleet', product: products[product], programs, manufacturerRoot: root }
}

/** A chip in user mode, and the papers of its owner. */
async function finished(world: Factory, product: ProductName, chip = 'a', number = serial) {
  assert.equal((await mountChip(world, chip, number)).outcome, 'mounted')
  const medium = world.chips.get(chip)!
  await unlock(world.issuer, powered(medium).transport, { mask: 'fleet' })
  const { papers, identityRequest } = await customize(
    world.issuer,
    powered(medium).transport,
    customizeInput(world, product),
  )
  const { encoded: certificate } = await certifyModule(world.manufacturer, { request: identityRequest! })
  await finish(world.issuer, powered(medium).transport, { mask: 'fleet', certificate })
  return { medium, papers, certificate }
}

test('[D5f][D13a] one mask becomes every product, each of which answers its own commands and no others', async () => {
  const names = Object.keys(products) as ProductName[]
  const world = await factory(names)
  for (const [i, name] of names.entries()) {
    const number = decodeHex(`000000000000000${i + 1}`)
    const { medium, papers, certificate } = await finished(world, name, name, number)
    const channel = plain(powered(medium).transport)
    assert.equal(parseChipStatus(await channel.send('CHIP STATUS')).mode, 'user')
    assert.equal(fromAscii((await channel.send('PRODUCT INFO')).subarray(3)), 'Sealwright product')
    assert.equal(fromAscii((await readData(channel, dataTags.product))!), name)
    assert.deepEqual((await readData(channel, 0xdf21))!, certificate)
    const vectors = (await readData(channel, dataTags.vectors))!
    const natives: string[] = []
    for (let at = 0; at < vectors.length; at += 3) {
      if (vectors[at + 1] === 0) natives.push(commandByEntry.get(vectors[at + 2]!)!)
    }
    assert.deepEqual(natives.sort(), [...products[name].natives].sort())
    for (const [command, { ins }] of Object.entries(commands)) {
      if ((products[name].natives as readonly string[]).includes(command)) continue
      assert.equal((await channel.exchange({ name: command, ins })).sw, 0x6d00, `${name}: ${command}`)
    }
    const { documentKey, ...rest } = parseModulePapers(papers)
    assert.deepEqual(rest, { version: 1, serial: number, product: name })
    const { crypto, entropy } = world.issuer
    const keys = scp03KeysOf(crypto, documentChannelKeys(crypto, documentKey, number))
    const keyVersion = keyVersions.document
    await openScp03(channel.transport, { crypto, entropy, keys, keyVersion })
  }
})

test('the log gets an entry of each event from the party that did it', async () => {
  const world = await factory()
  const { medium } = await finished(world, 'cash')
  const events = parseEvents(
    await plain(powered(medium).transport).send('GET EVENTS', { data: decodeHex('00000001') }),
  )
  assert.deepEqual(
    events.map(({ number }) => number),
    [1, 2, 3],
  )
  assert.deepEqual(await world.mounter.store.list('outbox/'), ['outbox/0102030405060708-00000001.entry'])
  assert.deepEqual(
    await world.issuer.store.list('outbox/'),
    [2, 3, 4, 5].map((number) => `outbox/0102030405060708-0000000${number}.entry`),
  )
})

test('a mask asked for again is the same file; another name has another key', async () => {
  const issuer = await party('issuer')
  const first = await mask(issuer, maskInput())
  const again = await mask(issuer, maskInput())
  assert.deepEqual([first.made, again.made, equal(first.file, again.file)], [true, false, true])
  const other = await mask(issuer, maskInput({ name: 'other' }))
  assert.deepEqual(other.romDigest, first.romDigest)
  const keyOf = (name: string) => issuer.vault.useSecret(`unlocking/${name}`, (bytes) => bytes.slice())
  assert.equal(equal(await keyOf('fleet'), await keyOf('other')), false)
  const wrong = { program: Uint8Array.of(1), customization: Uint8Array.of(1) }
  for (const name of ['program', 'customization'] as const) {
    const input = maskInput({ name: 'bad', [name]: wrong[name] })
    await assert.rejects(mask(issuer, input), { code: 'program-refused' })
  }
  await assert.rejects(mask(issuer, maskInput({ name: 'bad', customization: programs.loyalty })), UsageError)
  assert.equal(await issuer.vault.has('unlocking/bad'), false)
})

test('[D9a] the manufacturer makes chips from the mask alone; chips that are there stay as they are', async () => {
  const world = await factory(['a', 'b'])
  await mountChip(world, 'a')
  const before = world.chips.get('a')!.snapshot().pages
  const chips = Object.assign(ramFactory(world.issuer.crypto), { chips: world.chips })
  const alone = await party('manufacturer')
  const kept = { ...chips, make: async (name: string) => !world.chips.has(name) }
  const again = await produce(alone, { mask: world.maskFile, factory: kept, names: ['a', 'b', 'c'] })
  assert.deepEqual([again.made, again.kept], [['c'], ['a', 'b']])
  assert.deepEqual(world.chips.get('a')!.snapshot().pages, before)
  for (const wrong of [
    world.maskFile.subarray(0, -1),
    concat(world.maskFile, Uint8Array.of(0)),
    new Uint8Array(0),
  ]) {
    await assert.rejects(produce(alone, { mask: wrong, factory: chips, names: ['d'] }), {
      code: 'bytes-malformed',
    })
  }
})

test('[D9c] a chip whose memory is damaged is discarded and listed, and its serial number goes to another', async () => {
  const world = await factory(['a', 'b'])
  world.chips.get('a')!.damage(5)
  const outcome = await mountChip(world, 'a')
  assert.equal(outcome.outcome, 'discarded')
  const list = await discarded(world.mounter)
  assert.deepEqual(
    list.map(({ chip }) => chip),
    ['a'],
  )
  assert.equal((await mountChip(world, 'b')).outcome, 'mounted')
})

test('the mounter needs no key; a serial number given twice and a chip of another mask are refused', async () => {
  const world = await factory(['a', 'b'])
  assert.deepEqual(
    (await world.mounter.vault.list()).map(({ name }) => name),
    ['log-signing'],
  )
  await mountChip(world, 'a')
  assert.deepEqual(
    await mountChip(world, 'a').then((again) => again.outcome === 'mounted' && again.already),
    true,
  )
  await assert.rejects(mountChip(world, 'b'), UsageError)
  await assert.rejects(mountChip(world, 'a', decodeHex('1111111111111111')), StateError)
  const foreign = { ...world, deliveryNote: world.deliveryNote.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) }
  await assert.rejects(mountChip(foreign, 'b', decodeHex('2222222222222222')), StateError)
})

test('unlock gives nothing to a chip of another mask, says so for one without a serial number, and repeats harmlessly', async () => {
  const world = await factory(['a', 'b'])
  const { issuer } = world
  const sent: string[] = []
  const watched = (chip: string): Transport => {
    const { transport } = powered(world.chips.get(chip)!)
    return {
      ...transport,
      transmit: (bytes) => {
        sent.push(encodeHex(bytes.subarray(0, 2)))
        return transport.transmit(bytes)
      },
    }
  }
  await assert.rejects(unlock(issuer, watched('b'), { mask: 'fleet' }), StateError)
  await mountChip(world)
  await mask(issuer, maskInput({ name: 'other', program: programs.added }))
  await assert.rejects(unlock(issuer, watched('a'), { mask: 'other' }), StateError)
  await assert.rejects(unlock(issuer, watched('a'), { mask: 'none' }), { code: 'key-missing' })
  assert.equal(sent.includes('8036'), false)
  assert.equal((await unlock(issuer, watched('a'), { mask: 'fleet' })).already, false)
  assert.equal((await unlock(issuer, watched('a'), { mask: 'fleet' })).already, true)
  assert.equal(sent.filter((header) => header === '8036').length, 1)
})

test('the RAM form is unlocked again after a loss of power, by the same command', async () => {
  const world = await factory()
  const { issuer, manufacturer } = world
  const ram = await mask(issuer, maskInput({ name: 'ram', form: 'ram' }))
  const chips = ramFactory(issuer.crypto)
  const { deliveryNote } = await produce(manufacturer, { mask: ram.file, factory: chips, names: ['a'] })
  const volatile = { ...world, chips: chips.chips, deliveryNote }
  await mountChip(volatile)
  const medium = chips.chips.get('a')!
  assert.equal((await unlock(issuer, powered(medium).transport, { mask: 'ram' })).already, false)
  const { transport } = powered(medium)
  const input = { ...customizeInput(world), mask: 'ram' }
  await assert.rejects(customize(issuer, transport, input), { code: 'module-conditions-not-satisfied' })
  assert.equal((await unlock(issuer, transport, { mask: 'ram' })).already, false)
  assert.equal((await unlock(issuer, transport, { mask: 'ram' })).already, true)
  const { identityRequest } = await customize(issuer, transport, input)
  const { encoded: certificate } = await certifyModule(manufacturer, { request: identityRequest! })
  assert.equal((await finish(issuer, transport, { mask: 'ram', certificate })).already, false)
})

test('a connection that breaks at any command, before the module or after it, is mended by running the step again', async () => {
  const world = await factory()
  const { issuer, manufacturer, chips } = world
  await mountChip(world)
  const medium = chips.get('a')!
  let request: Uint8Array | undefined
  const steps = {
    unlock: (transport: Transport) => unlock(issuer, transport, { mask: 'fleet' }),
    customize: (transport: Transport) => customize(issuer, transport, customizeInput(world)),
    finish: async (transport: Transport) => {
      const { encoded: certificate } = await certifyModule(manufacturer, { request: request! })
      return finish(issuer, transport, { mask: 'fleet', certificate })
    },
  }
  const expected = { unlock: 'customization', customize: 'customization', finish: 'user' } as const
  for (const [name, step] of Object.entries(steps)) {
    const before = medium.snapshot()
    let breaks = 0
    for (let at = 1; ; at++) {
      let broken = false
      for (const delivered of [false, true]) {
        medium.restore(before)
        const fragile = breaking(powered(medium).transport, at, delivered)
        try {
          await step(fragile.transport)
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'transport-failed')
        }
        broken = fragile.broken()
        const result = await step(powered(medium).transport)
        if ('identityRequest' in result) request = result.identityRequest
        const status = parseChipStatus(await plain(powered(medium).transport).send('CHIP STATUS'))
        assert.equal(status.mode, expected[name as keyof typeof expected], `${name} broken at ${at}`)
        breaks += Number(broken)
      }
      if (!broken) break
    }
    assert.ok(breaks > 4, name)
  }
})

test('a request is certified once: again the same certificate, for another key none', async () => {
  const world = await factory()
  await mountChip(world)
  const medium = world.chips.get('a')!
  await unlock(world.issuer, powered(medium).transport, { mask: 'fleet' })
  // The native backend, whose signatures differ from run to run.
  const native = () => powered(medium, nodeCrypto).transport
  const first = await customize(world.issuer, native(), customizeInput(world))
  const again = await customize(world.issuer, native(), customizeInput(world))
  assert.deepEqual([again.papers, again.identityRequest], [first.papers, first.identityRequest])
  const request = first.identityRequest!
  const certificate = await certifyModule(world.manufacturer, { request })
  assert.deepEqual(
    (await certifyModule(world.manufacturer, { request: again.identityRequest! })).encoded,
    certificate.encoded,
  )
  for (const at of [2, 20, 100]) {
    const forged = request.map((byte, i) => (i === at ? byte ^ 1 : byte))
    await assert.rejects(certifyModule(world.manufacturer, { request: forged }), AuthError)
  }
  const testRoot = await party('manufacturer')
  await initRoot(testRoot, { test: true })
  await assert.rejects(certifyModule(testRoot, { request }), StateError)
  const { crypto } = world.issuer
  const pair = crypto.ecPrivateKey(privateScalar(crypto, scriptedEntropy('another key').bytes(48)))
  const point = pair.publicPoint
  const signature = pair.sign(identityRequestInput(serial, point, false))
  const other = serializeIdentityRequest({ version: 1, serial, point, test: false, signature })
  await assert.rejects(certifyModule(world.manufacturer, { request: other }), StateError)
})

test('finish refuses a certificate of another module or manufacturer before anything is sent', async () => {
  const world = await factory(['a', 'b'])
  const other = await finished(world, 'cash', 'b', decodeHex('0000000000000009'))
  await mountChip(world)
  const medium = world.chips.get('a')!
  await unlock(world.issuer, powered(medium).transport, { mask: 'fleet' })
  const { identityRequest } = await customize(world.issuer, powered(medium).transport, customizeInput(world))
  // Another manufacturer: the random numbers of his keys are not the first one's.
  const stranger = await party('manufacturer')
  stranger.entropy.bytes(1)
  const foreign = await certifyModule(stranger, { request: identityRequest! })
  const before = medium.snapshot()
  for (const certificate of [other.certificate, world.root, foreign.encoded]) {
    await assert.rejects(
      finish(world.issuer, powered(medium).transport, { mask: 'fleet', certificate }),
      AuthError,
    )
  }
  assert.deepEqual(medium.snapshot().pages, before.pages)
  await assert.rejects(finish(world.issuer, powered(medium).transport, { mask: 'fleet' }), {
    code: 'module-conditions-not-satisfied',
  })
})

/** Loses the connection at the n-th command: before the module hears it, or before its answer is heard. */
function breaking(transport: Transport, at: number, delivered: boolean) {
  let count = 0
  const gone = new PeerError('the connection is gone', { code: 'transport-failed' })
  return {
    broken: () => count >= at,
    transport: {
      ...transport,
      async transmit(bytes: Uint8Array) {
        count++
        if (count > at || (count === at && !delivered)) throw gone
        const answer = await transport.transmit(bytes)
        if (count === at) throw gone
        return answer
      },
    },
  }
}

test('operators are taken only from certificates of the authority given', async () => {
  const ports = await party('issuer')
  const authorityPorts = await party('authority')
  const authority = await initAuthority(authorityPorts)
  const operatorPorts = await party('operator')
  const made = await operatorKey(operatorPorts, { name: 'operator' })
  const { encoded } = await certify(authorityPorts, {
    role: 'operator',
    request: made.document,
    fingerprint: made.fingerprint,
  })
  const good = certifiedPoints(ports, { authority: authority.encoded, operators: [encoded] })
  assert.deepEqual(good.authority, authority.publicPoint)
  assert.equal(good.operators?.length, 1)
  assert.throws(() => certifiedPoints(ports, { operators: [encoded] }), UsageError)
  assert.throws(() => certifiedPoints(ports, { authority: encoded }), UsageError)
  const other = await party('authority')
  other.entropy.bytes(1)
  const stranger = await initAuthority(other)
  assert.throws(
    () => certifiedPoints(ports, { authority: stranger.encoded, operators: [encoded] }),
    AuthError,
  )
  assert.throws(
    () => certifiedPoints(ports, { authority: authority.encoded, operators: [authority.encoded] }),
    AuthError,
  )
})
