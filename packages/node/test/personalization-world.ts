import assert from 'node:assert/strict'
import { command, exchange } from '@sealwright/core/apdu'
import { ascii, equal } from '@sealwright/core/bytes'
import { type CommandName, certificateIds, commands } from '@sealwright/core/catalog'
import { privateScalar } from '@sealwright/core/crypto'
import { StateError } from '@sealwright/core/errors'
import {
  type BeginAnswer,
  type BeginRequest,
  type CompleteRequest,
  parseBeginAnswer,
  serializeBeginRequest,
  serializeCompleteRequest,
} from '@sealwright/core/personalization'
import type { Crypto, EcPrivateKey, Transport } from '@sealwright/core/ports'
import { type FixedClock, fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import { moduleSerialText } from '@sealwright/core/x509'
import type { Module } from '@sealwright/module'
import type { Medium, Snapshot } from '@sealwright/module/medium'
import {
  customizedModule,
  type Fixture,
  type FixtureOptions,
  fixtureCertificate,
  fixtureKey,
  fixtureTime,
} from '@sealwright/module/testing'
import { key } from '@sealwright/roles/central'
import { type Channel, openScp11b } from '@sealwright/roles/channel'
import { certifyUnit, rootKey } from '@sealwright/roles/manufacturer'
import { memoryPorts, type PartyPorts, type StoredKey, vaultOver } from '@sealwright/roles/ports'
import {
  type Personalized,
  type PersonalizeInput,
  personalize,
  type Request,
  readRecords,
  request,
} from '@sealwright/roles/unit'
import { nodeCrypto } from '../src/crypto/index.ts'
import { inProcess } from '../src/transport/index.ts'

export const customer = ascii('customer 0000001')

/** A module of the fixture with the parties around it, each with a store and vault of its own. */
export interface World {
  readonly crypto: Crypto
  readonly fixture: Fixture
  readonly clock: FixedClock
  readonly manufacturer: PartyPorts
  readonly unit: PartyPorts
  readonly central: PartyPorts
  /** The unit's certificate from the manufacturer, DER. */
  readonly unitCertificate: Uint8Array
  readonly centralRequest: Uint8Array
  /** What `unit personalize` is given. */
  readonly order: PersonalizeInput
}

export async function personalizationWorld(options: Partial<FixtureOptions> = {}): Promise<World> {
  const crypto = options.crypto ?? nodeCrypto
  const seed = options.seed ?? 'fixture'
  const fixture = customizedModule({ ...options, crypto })
  const clock = fixedClock(fixtureTime)
  const ports = (party: 'unit' | 'central' | 'manufacturer') =>
    memoryPorts(party, { clock, entropy: scriptedEntropy(`${seed} ${party}`), crypto })
  const manufacturer = { ...(await ports('manufacturer')), vault: manufacturersVault(crypto, seed) }
  await manufacturer.store.write('root.der', fixture.manufacturer.certificate.encoded)
  const unit = await ports('unit')
  const central = await ports('central')
  const asked = await request(unit, { name: 'unit', customer })
  const { encoded: unitCertificate } = await certifyUnit(manufacturer, signed(asked))
  const { document: centralRequest, fingerprint } = await key(central, { name: 'central system' })
  const order: PersonalizeInput = {
    serial: fixture.serial,
    unit: unitCertificate,
    root: fixture.manufacturer.certificate.encoded,
    central: centralRequest,
    centralFingerprint: fingerprint,
    ...(options.test === true ? { insecureAcceptTest: true } : {}),
  }
  return { crypto, fixture, clock, manufacturer, unit, central, unitCertificate, centralRequest, order }
}

/** A request with its fingerprint, as the manufacturer gets both. */
export function signed({ document, fingerprint }: Request): { request: Uint8Array; fingerprint: Uint8Array } {
  return { request: document, fingerprint }
}

export function personalized(world: World, transport = transportOf(world)): Promise<Personalized> {
  return personalize(world.unit, transport, world.order)
}

export function transportOf({ fixture }: World, module: Module = fixture.module): Transport {
  return inProcess(module)
}

/** The key of the fixture's manufacturer, as its own vault would hold it. */
function manufacturersVault(crypto: Crypto, seed: string) {
  const secret = () => privateScalar(crypto, scriptedEntropy(`${seed} manufacturer`).bytes(48))
  const keys = new Map<string, () => StoredKey>([[rootKey, () => ({ kind: 'p256', secret: secret() })]])
  return vaultOver(
    { crypto, entropy: scriptedEntropy('unused') },
    {
      place: 'memory',
      load: async (name) => keys.get(name)?.(),
      save: async (name, { kind, secret }) => {
        const copy = secret.slice()
        keys.set(name, () => ({ kind, secret: copy.slice() }))
      },
      names: async () => [...keys.keys()],
      remove: async (name) => void keys.delete(name),
    },
  )
}

/** The unit's channel, as whoever knows the identity certificate opens it. */
export function personalizationChannel(
  world: World,
  module: Module = world.fixture.module,
): Promise<Channel> {
  const { crypto, fixture } = world
  return openScp11b(inProcess(module), {
    crypto,
    entropy: scriptedEntropy('host of the channel'),
    modulePoint: fixture.identity.publicPoint,
  })
}

/** Breaks before the n-th command reaches the module, or after it did and before the answer is heard. */
export function cutLine(
  below: Transport,
  at: number,
  heard: 'before' | 'after',
): Transport & { count(): number } {
  let count = 0
  return {
    async transmit(command) {
      count++
      if (count > at) throw broken()
      if (count === at && heard === 'before') throw broken()
      const answer = await below.transmit(command)
      if (count === at) throw broken()
      return answer
    },
    close: () => below.close(),
    count: () => count,
  }
}

export function broken(): StateError {
  return new StateError('the connection broke', { code: 'transport-failed' })
}

/** What may stand in a module and in the unit's record after everything: one certificate, one event, one receipt. */
export async function requireOne(world: World): Promise<void> {
  const { objects, events, life } = world.fixture.module.parts
  assert.equal(life.state(), 'operating')
  const operating = objects.read('certificate', certificateIds.operating.id)!
  const personalizations = events.list(1).filter(({ type }) => type === 6)
  assert.equal(personalizations.length, 1)
  const records = await readRecords(world.unit, world.fixture.serial)
  const done = records.filter(({ receipt }) => receipt !== undefined)
  assert.equal(done.length, 1)
  assert.ok(equal(done[0]!.issued!.operating, operating))
  assert.deepEqual(await world.unit.store.list('intents/'), [])
  assert.equal((await world.unit.store.list('outbox/')).length, 1)
}

/** One command as it is; data and status word. */
export function speak(
  module: Module,
  name: CommandName,
  data: Uint8Array = new Uint8Array(0),
  p1 = 0,
  p2 = 0,
) {
  const row = commands[name]
  const cla = row.class === 'iso' ? 0x00 : 0x80
  return exchange(inProcess(module), command({ cla, ins: row.ins, p1, p2, data, le: 0x100 }))
}

export const beginRequest: BeginRequest = {
  salt: ascii('salt 00000000001'),
  time: fixtureTime,
  nonce: ascii('nonce 0000000001'),
}

export async function begin(channel: Channel, input: BeginRequest = beginRequest): Promise<BeginAnswer> {
  return parseBeginAnswer(await channel.send('BEGIN', { data: serializeBeginRequest(input) }))
}

/** Parties of whom the test has the keys, so that it can make every certificate right or wrong. */
export interface Forge {
  readonly manufacturer: EcPrivateKey
  readonly unit: EcPrivateKey
  readonly central: EcPrivateKey
}

export function forge(crypto: Crypto, seed = 'fixture'): Forge {
  return {
    manufacturer: fixtureKey(crypto, `${seed} manufacturer`),
    unit: fixtureKey(crypto, `${seed} forged unit`),
    central: fixtureKey(crypto, `${seed} forged central`),
  }
}

type Profile = Parameters<typeof fixtureCertificate>[1]

/** What COMPLETE takes for the point that BEGIN made; each part can be bent. */
export function certificatesFor(
  world: World,
  point: Uint8Array,
  bent: {
    readonly keys?: Partial<Forge>
    readonly unit?: Partial<Profile>
    readonly operating?: Partial<Profile>
    readonly central?: Partial<Profile>
    readonly binding?: Partial<NonNullable<Profile['binding']>>
  } = {},
): CompleteRequest {
  const { crypto, fixture } = world
  const keys = { ...forge(crypto), ...bent.keys }
  const unit = fixtureCertificate(
    crypto,
    {
      role: 'unit',
      subject: { commonName: 'forged unit' },
      publicPoint: keys.unit.publicPoint,
      issuer: fixture.manufacturer.certificate,
      customer,
      ...bent.unit,
    },
    keys.manufacturer,
  )
  const central = fixtureCertificate(
    crypto,
    {
      role: 'central-system',
      subject: { commonName: 'forged central' },
      publicPoint: keys.central.publicPoint,
      issuer: unit,
      ...bent.central,
    },
    keys.unit,
  )
  const operating = fixtureCertificate(
    crypto,
    {
      role: 'module-operating',
      subject: { commonName: 'module', serialNumber: moduleSerialText(fixture.serial) },
      publicPoint: point,
      issuer: unit,
      binding: {
        nonce: beginRequest.nonce,
        customer,
        centralKeyHash: crypto.sha256(central.publicPoint),
        ...bent.binding,
      },
      ...bent.operating,
    },
    keys.unit,
  )
  return { operating: operating.encoded, central: central.encoded, unit: unit.encoded }
}

export async function complete(channel: Channel, certificates: CompleteRequest): Promise<number> {
  return (await channel.exchange('COMPLETE', { data: serializeCompleteRequest(certificates) })).sw
}

/** Every byte of medium, OTP and journal, to compare before and after. */
export function memoryOf(medium: Medium & { snapshot(): Snapshot }): ReadonlyMap<number, Uint8Array> {
  return medium.snapshot().pages
}

export { fixtureCertificate, fixtureKey, fixtureTime }
