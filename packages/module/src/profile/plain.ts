import { ascii } from '@sealwright/core/bytes'
import {
  type CommandName,
  type CommandRow,
  cardManagement,
  commands,
  productDataIds,
} from '@sealwright/core/catalog'
import { UsageError } from '@sealwright/core/errors'
import { domainStates, isAid } from '@sealwright/core/globalplatform'
import type { Crypto } from '@sealwright/core/ports'
import { controlIds, openMemory, type Transaction } from '../eeprom/index.ts'
import { Events } from '../events/index.ts'
import { KeyStore } from '../keys/index.ts'
import { Lifecycle } from '../lifecycle/index.ts'
import { type Geometry, geometryFor, type Medium } from '../medium/index.ts'
import type { OtpBit } from '../otp/index.ts'
import {
  DomainData,
  DomainKeys,
  issuerDomain,
  Registry,
  scp03Ids,
  securityDomainLoadFile,
  securityDomainModule,
} from '../registry/index.ts'
import { layOutRom, serializeRom, serializeVectors } from '../rom/index.ts'
import { type CardProof, installFactoryKeys, layCardProof } from '../security-domain/index.ts'

/** The first SCP03 set of a module that is no test module. */
export interface PlainKeys {
  /** 01 to 7F. */
  readonly version: number
  /** ENC, MAC, DEK: 16, 24 or 32 bytes, of one length. */
  readonly keys: readonly [Uint8Array, Uint8Array, Uint8Array]
}

/** A plain GlobalPlatform module: no customization, no personalization of ours, just a card as one buys it. */
export interface PlainParts {
  readonly eepromSize?: number
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** Issuer identification (SIN), 8 bytes. */
  readonly issuer: Uint8Array
  /** A test module has the published factory keys and can be put back to them; another one must be given keys. */
  readonly keys: 'test' | PlainKeys
  /** What proves the module: the CA in it and the first SCP11b pair, version 01. */
  readonly proof?: CardProof
  /** AIDs of security domains that are there from the beginning, without keys of their own. */
  readonly domains?: readonly Uint8Array[]
}

/** Native commands that a plain module answers. */
const natives: readonly CommandName[] = [
  'SELECT',
  'INITIALIZE UPDATE',
  'EXTERNAL AUTHENTICATE',
  'INTERNAL AUTHENTICATE',
  'GET DATA',
  'CHIP STATUS',
  'SELF TEST',
  'GET EVENTS',
  ...cardManagement,
]

/** ROM of a plain module, and the memory that it needs. Nobody is its client: no key unlocks it, and it is past that. */
export function layOutPlain({ eepromSize, keys }: Pick<PlainParts, 'eepromSize' | 'keys'>): {
  geometry: Geometry
  rom: Uint8Array
} {
  const rows: readonly CommandRow[] = natives.map((name) => commands[name])
  const rom = serializeRom(
    layOutRom({
      test: keys === 'test',
      eepromSize: geometryFor(eepromSize).eepromPages * 256,
      clientKey: new Uint8Array(65),
      bootVectors: [],
      nativeEntries: rows.map(({ entry }) => entry).sort((a, b) => a - b),
      programs: [],
    }),
  )
  return { geometry: geometryFor(eepromSize, rom.length), rom }
}

/** Makes a plain module in a blank medium of `layOutPlain`: user mode, OP_READY. Whatever is refused is refused before anything is written. */
export function makePlain(medium: Medium, crypto: Crypto, parts: PlainParts): void {
  requireParts(parts)
  const { nvm, objects, otp, rom } = openMemory(medium)
  const keys = new KeyStore(crypto, objects, otp)
  const life = new Lifecycle(otp, objects)
  const registry = new Registry(objects, life)
  const domainKeys = new DomainKeys(objects, keys)
  const domainData = new DomainData(objects)
  const events = new Events(crypto, objects)
  const own = { crypto, objects, keys, registry, domainKeys, domainData, events, serial: () => parts.serial }
  const bits: readonly OtpBit[] = ['mode-customization', 'wipe-intent', 'wipe-done', 'mode-user']
  for (const bit of bits) nvm.transaction((tx) => tx.setOtp(bit))
  nvm.transaction((tx) => {
    const vectors = natives.map((name) => ({
      ins: commands[name].ins,
      program: 0,
      function: commands[name].entry,
    }))
    objects.put(tx, 'control', controlIds.serial, parts.serial)
    objects.put(tx, 'vector-table', 0, serializeVectors(vectors.sort((a, b) => a.ins - b.ins)))
    objects.put(tx, 'product-data', productDataIds.name, ascii('globalplatform'))
    objects.put(tx, 'product-data', productDataIds.issuer, parts.issuer)
    life.beginPlain(tx)
    events.start(tx, crypto.sha256(rom.bytes), crypto.sha256())
    events.record(tx, 'serial-written', parts.serial, crypto.sha256(parts.serial))
    if (parts.keys === 'test') installFactoryKeys(own, tx, parts.proof)
    else layKeys(tx, own, parts.keys, parts.proof)
    for (const aid of parts.domains ?? []) layDomain(tx, own, aid)
  })
  keys.forgetAll()
}

type Own = Parameters<typeof installFactoryKeys>[0] & { readonly registry: Registry }

function layKeys(
  tx: Transaction,
  own: Own,
  { version, keys: set }: PlainKeys,
  proof: CardProof | undefined,
): void {
  const { keys, domainKeys } = own
  for (const [i, id] of scp03Ids.entries()) {
    keys.putAes(tx, domainKeys.place(issuerDomain, version, id), set[i]!)
  }
  if (proof !== undefined) layCardProof(own, tx, proof)
}

function layDomain(tx: Transaction, { registry }: Own, aid: Uint8Array): void {
  registry.put(tx, {
    ...{ number: registry.freeNumber(), form: 'domain', aid, state: domainStates.selectable.code },
    ...{ privileges: Uint8Array.of(0x80, 0, 0), domain: issuerDomain },
    ...{ loadFile: securityDomainLoadFile, module: securityDomainModule },
  })
}

function requireParts({ serial, issuer, keys, domains = [] }: PlainParts): void {
  if (serial.length !== 8 || serial.every((byte) => byte === 0)) {
    throw new UsageError('serial number: expected 8 bytes that are not all zero')
  }
  if (issuer.length !== 8) throw new UsageError('issuer identification: expected 8 bytes')
  if (!domains.every(isAid)) throw new UsageError('security domains: expected AIDs of 5 to 16 bytes')
  if (keys === 'test') return
  if (keys.version < 0x01 || keys.version > 0x7f) throw new UsageError('key version: expected 01 to 7F')
  const [enc, mac, dek] = keys.keys
  if (![16, 24, 32].includes(enc.length) || mac.length !== enc.length || dek.length !== enc.length) {
    throw new UsageError('SCP03 keys: expected three of 16, 24 or 32 bytes, of one length')
  }
}
