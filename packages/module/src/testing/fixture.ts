import {
  type ChipMode,
  type CommandName,
  certificateIds,
  commands,
  keyPlaces,
  personalizationStates,
  productDataIds,
  publicKeyIds,
} from '@sealwright/core/catalog'
import { privateScalar } from '@sealwright/core/crypto'
import type { Crypto, EcPrivateKey, Entropy } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  type Certificate,
  issueCertificate,
  moduleSerialText,
  parseCertificate,
  type RoleName,
} from '@sealwright/core/x509'
import { controlIds, Objects, openNvm, type Transaction } from '../eeprom/index.ts'
import { Events } from '../events/index.ts'
import { KeyStore } from '../keys/index.ts'
import { geometryFor, type Medium, RamMedium } from '../medium/index.ts'
import { Module } from '../module.ts'
import type { OtpBit } from '../otp/index.ts'
import { layOutRom, serializeRom, serializeVectors, type Vector } from '../rom/index.ts'

/** Seconds at which everything in the fixture is valid. */
export const fixtureTime = 1_800_000_000

/** A party of the fixture: its key, and its certificate where it has one. */
export interface FixtureParty {
  readonly key: EcPrivateKey
  readonly certificate: Certificate
}

export interface FixtureOptions {
  readonly crypto: Crypto
  /** 8 bytes; 0102030405060708 unless given. */
  readonly serial?: Uint8Array
  /** Everything random in it follows from this. */
  readonly seed?: string
  /** Commands that the vector table names; all native ones unless given. */
  readonly commands?: readonly CommandName[]
  readonly eepromSize?: number
  /** `user` unless given. In issuer and terminated mode the ROM's boot vectors name the commands too. */
  readonly mode?: ChipMode
  /** Personalized: operating key, certificates and central system in place, state operating. */
  readonly operating?: boolean
  /** Public points of operators. */
  readonly operators?: readonly Uint8Array[]
  /** A test module: its manufacturer's root is a test root, and it takes known test keys. */
  readonly test?: boolean
  /** Lays further objects before the module is first powered. */
  readonly prepare?: (parts: { tx: Transaction; objects: Objects; keys: KeyStore }) => void
}

export interface FixturePersonalization {
  readonly unit: FixtureParty
  readonly central: FixtureParty
  readonly operating: Certificate
}

export interface Fixture {
  readonly module: Module
  readonly medium: RamMedium
  readonly serial: Uint8Array
  readonly manufacturer: FixtureParty
  readonly identity: Certificate
  /** Document key set: three AES-128 keys for SCP03, version 82. */
  readonly documentKeys: { readonly enc: Uint8Array; readonly mac: Uint8Array; readonly dek: Uint8Array }
  /** With `operating`: who personalized it, the central system, and the operating certificate. */
  readonly personalization?: FixturePersonalization
  /** A module powered from this medium, e.g. a snapshot or a fault medium over it. */
  power(medium?: Medium): Module
}

/** A key pair that follows from a seed. */
export function fixtureKey(crypto: Crypto, seed: string): EcPrivateKey {
  return crypto.ecPrivateKey(privateScalar(crypto, scriptedEntropy(seed).bytes(48)))
}

/** Issues a certificate of the fixture, valid a year around `fixtureTime`. */
export function fixtureCertificate(
  crypto: Crypto,
  profile: Omit<Parameters<typeof issueCertificate>[0], 'serialNumber' | 'notBefore' | 'notAfter'> & {
    readonly notBefore?: number
    readonly notAfter?: number
    readonly role: RoleName
  },
  signer: EcPrivateKey,
): Certificate {
  const serialNumber = crypto.sha256(profile.publicPoint).slice(0, 8)
  serialNumber[0]! = (serialNumber[0]! & 0x7f) | 0x40
  const year = 365 * 86_400
  const bytes = issueCertificate(
    { notBefore: fixtureTime - year, notAfter: fixtureTime + year, ...profile, serialNumber },
    (tbs) => signer.sign(tbs),
    crypto,
  )
  return parseCertificate(bytes)
}

/**
 * A module in user mode, awaiting personalization, as the customization flow leaves it, but written directly: known manufacturer, identity,
 * document keys. For tests of what comes after the factory.
 */
export function customizedModule(options: FixtureOptions): Fixture {
  const { crypto, seed = 'fixture', eepromSize, mode = 'user', test = false } = options
  const serial = options.serial ?? Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const names = options.commands ?? (Object.keys(commands) as CommandName[])
  const vectors: Vector[] = names
    .map((name) => ({ ins: commands[name].ins, program: 0, function: commands[name].entry }))
    .sort((a, b) => a.ins - b.ins)
  const client = fixtureKey(crypto, `${seed} client`)
  const rom = serializeRom(
    layOutRom({
      test,
      eepromSize: eepromSize ?? 256 * 1024,
      clientKey: client.publicPoint,
      bootVectors: mode === 'issuer' || mode === 'terminated' ? vectors : [],
      nativeEntries: Object.values(commands)
        .map((row) => row.entry)
        .sort((a, b) => a - b),
      programs: [],
    }),
  )
  const medium = new RamMedium(geometryFor(eepromSize, rom.length), rom)
  const manufacturerKey = fixtureKey(crypto, `${seed} manufacturer`)
  const manufacturer: FixtureParty = {
    key: manufacturerKey,
    certificate: fixtureCertificate(
      crypto,
      {
        role: 'manufacturer-root',
        subject: { commonName: 'Fixture manufacturer' },
        publicPoint: manufacturerKey.publicPoint,
        issuer: 'self',
        test,
      },
      manufacturerKey,
    ),
  }
  const entropy = scriptedEntropy(`${seed} module`)
  const documentKeys = { enc: entropy.bytes(16), mac: entropy.bytes(16), dek: entropy.bytes(16) }
  const nvm = openNvm(medium)
  const objects = new Objects(nvm)
  const keys = new KeyStore(crypto, objects, nvm.otp)
  const events = new Events(crypto, objects)
  let identity: Certificate | undefined
  let personalization: FixturePersonalization | undefined
  for (const bit of [...(test ? (['test'] as const) : []), ...modeBits[mode]]) {
    nvm.transaction((tx) => tx.setOtp(bit))
  }
  nvm.transaction((tx) => {
    objects.put(tx, 'control', controlIds.serial, serial)
    objects.put(tx, 'vector-table', 0, serializeVectors(vectors))
    objects.put(tx, 'public-key', publicKeyIds.manufacturer, manufacturerKey.publicPoint)
    objects.put(
      tx,
      'product-data',
      productDataIds.name,
      Uint8Array.from([...'fixture'].map((c) => c.charCodeAt(0))),
    )
    objects.put(tx, 'product-data', productDataIds.issuer, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1))
    const point = keys.makePair(tx, keyPlaces.identity, entropy.bytes(48))
    identity = fixtureCertificate(
      crypto,
      {
        role: 'module-identity',
        subject: {
          commonName: 'Fixture module',
          serialNumber: [...serial]
            .map((b) => b.toString(16).padStart(2, '0'))
            .join('')
            .toUpperCase(),
        },
        publicPoint: point,
        issuer: manufacturer.certificate,
      },
      manufacturerKey,
    )
    objects.put(tx, 'certificate', certificateIds.identity.id, identity.encoded)
    keys.putAes(tx, keyPlaces.document, documentKeys.enc)
    keys.putAes(tx, keyPlaces.document + 1, documentKeys.mac)
    keys.putAes(tx, keyPlaces.document + 2, documentKeys.dek)
    events.start(tx, crypto.sha256(rom), crypto.sha256())
    events.record(tx, 'serial-written', serial, crypto.sha256(serial))
    for (const [i, point] of (options.operators ?? []).entries()) objects.put(tx, 'operator', i + 1, point)
    if (options.operating === true) {
      personalization = personalize({ crypto, tx, objects, keys, seed, serial, manufacturer, entropy })
      events.record(tx, 'personalized', serial, crypto.sha256(personalization.operating.encoded))
    }
    options.prepare?.({ tx, objects, keys })
  })
  keys.forgetAll()
  const power = (from: Medium = medium): Module =>
    new Module({
      medium: from,
      crypto,
      entropy: scriptedEntropy(`${seed} power`),
      report: (error) => {
        throw error
      },
    })
  return {
    ...{ module: power(), medium, serial, manufacturer, identity: identity!, documentKeys, power },
    ...(personalization === undefined ? {} : { personalization }),
  }
}

/** What COMPLETE leaves behind. */
function personalize({
  crypto,
  tx,
  objects,
  keys,
  seed,
  serial,
  manufacturer,
  entropy,
}: {
  readonly crypto: Crypto
  readonly tx: Transaction
  readonly objects: Objects
  readonly keys: KeyStore
  readonly seed: string
  readonly serial: Uint8Array
  readonly manufacturer: FixtureParty
  readonly entropy: Entropy
}): FixturePersonalization {
  const customer = crypto.sha256(Uint8Array.of(7)).slice(0, 16)
  const unitKey = fixtureKey(crypto, `${seed} unit`)
  const unit = fixtureCertificate(
    crypto,
    {
      role: 'unit',
      subject: { commonName: 'Fixture unit' },
      publicPoint: unitKey.publicPoint,
      issuer: manufacturer.certificate,
      customer,
    },
    manufacturer.key,
  )
  const centralKey = fixtureKey(crypto, `${seed} central`)
  const central = fixtureCertificate(
    crypto,
    {
      role: 'central-system',
      subject: { commonName: 'Fixture central system' },
      publicPoint: centralKey.publicPoint,
      issuer: unit,
    },
    unitKey,
  )
  const operating = fixtureCertificate(
    crypto,
    {
      role: 'module-operating',
      subject: { commonName: 'Fixture module', serialNumber: moduleSerialText(serial) },
      publicPoint: keys.makePair(tx, keyPlaces.operating, entropy.bytes(48)),
      issuer: unit,
      binding: {
        nonce: entropy.bytes(16),
        customer,
        centralKeyHash: crypto.sha256(centralKey.publicPoint),
      },
    },
    unitKey,
  )
  objects.put(tx, 'certificate', certificateIds.operating.id, operating.encoded)
  objects.put(tx, 'certificate', certificateIds.central.id, central.encoded)
  objects.put(tx, 'certificate', certificateIds.unit.id, unit.encoded)
  objects.put(tx, 'public-key', publicKeyIds.central, centralKey.publicPoint)
  objects.put(tx, 'product-data', productDataIds.customer, customer)
  objects.put(
    tx,
    'control',
    controlIds.personalizationState,
    Uint8Array.of(personalizationStates.operating.code),
  )
  return {
    unit: { key: unitKey, certificate: unit },
    central: { key: centralKey, certificate: central },
    operating,
  }
}

/** The OTP bits of a mode, in the order in which they are set. */
const modeBits = {
  issuer: [],
  customization: ['mode-customization'],
  user: ['mode-customization', 'wipe-intent', 'wipe-done', 'mode-user'],
  terminated: ['mode-customization', 'wipe-intent', 'wipe-done', 'mode-user', 'mode-terminated'],
} as const satisfies Record<ChipMode, readonly OtpBit[]>
