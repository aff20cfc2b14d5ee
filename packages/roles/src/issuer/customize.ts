import { encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { firstDomainKeyVersion, keyPlaces, publicKeyIds, securityDomainKeys } from '@sealwright/core/catalog'
import { refuseTestKey } from '@sealwright/core/crypto'
import {
  checkIdentityRequest,
  documentChannelKeys,
  firstDomainKeys,
  type IdentityRequest,
  isTestModule,
  type Product,
  type ProductObject,
  packWrites,
  parseChipStatus,
  parseIdentityKey,
  parseIdentityRequest,
  recordsOfProduct,
  serializeAesKeyObject,
  serializeIdentityRequest,
  serializeModulePapers,
  wipeChannelKeys,
} from '@sealwright/core/customization'
import { StateError, UsageError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import { parseCredentials } from '@sealwright/core/personalization'
import type { Crypto, Transport } from '@sealwright/core/ports'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { moduleStep } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import {
  identityRequestName,
  inCustomizationChannel,
  issuerIdentification,
  manufacturerRootName,
  useDocumentKey,
} from './masks.ts'
import { customizationKeyFor } from './sam.ts'

export interface CustomizeInput {
  /** The name of the mask, or of the lot. */
  readonly mask: string
  readonly product: Product
  /** Wasm by the names that the product uses. */
  readonly programs: Readonly<Record<string, Uint8Array>>
  /** The manufacturer's root certificate, DER. */
  readonly manufacturerRoot: Uint8Array
  /** Public point of the key authority, whose signatures on keys the module accepts. */
  readonly authority?: Uint8Array
  /** Public points of operators whose documents the module obeys. */
  readonly operators?: readonly Uint8Array[]
  /** The authority's certificate is marked as made with test keys. */
  readonly testAuthority?: boolean
  /** KS1, where the product checks keys with it. Wiped by the caller. */
  readonly signatureKey?: Uint8Array
  /** Credentials that the customer made (core/personalization, credential.ts); the chip gets the one of its serial number. */
  readonly credentials?: Uint8Array
  /** The SAM that makes the key for later customization, where the product takes it. */
  readonly sam?: Transport
}

export interface Customized {
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** The file for the module's owner, with the document key. Secret: the caller wipes it. Empty for identical modules, which have none. */
  readonly papers: Uint8Array
  /** The file for the manufacturer; absent for products of identical modules. */
  readonly identityRequest?: Uint8Array
  /** WRITE commands sent. */
  readonly writes: number
  readonly entries: readonly LogEntry[]
}

/**
 * Writes a product into an unlocked chip: vector table, software, places, keys, and the manufacturer's key; then has the chip make its
 * identity key. Done again, from the start or after an interruption, it leaves the same chip and gives the same papers.
 */
export async function customize(
  ports: PartyPorts,
  transport: Transport,
  input: CustomizeInput,
): Promise<Customized> {
  // A run that was broken off may have left a chain of segments that takes the next command with it.
  await endChannel(transport)
  const { result, entries } = await moduleStep(ports, plain(transport), {
    name: 'issuer customize',
    types: ['identity-made', 'customization-key-stored'],
    details: { product: input.product.name },
    run: () => customizeChip(ports, transport, input),
  })
  return { ...result, entries }
}

/**
 * The step itself, without intent and entries.
 * @param before done at the end, before the customization channel is closed
 */
export async function customizeChip(
  ports: PartyPorts,
  transport: Transport,
  input: CustomizeInput,
  before: (channel: Channel, request: IdentityRequest | undefined) => Promise<void> = async () => {},
): Promise<Omit<Customized, 'entries'>> {
  const { crypto, store } = ports
  const { mask, product, sam } = input
  requireSam(input)
  const root = manufacturerRoot(input.manufacturerRoot)
  const issuer = await issuerIdentification(ports)
  const channel = plain(transport)
  const status = parseChipStatus(await channel.send('CHIP STATUS'))
  const { serial, mode, imageIv } = status
  if (serial === undefined || mode !== 'customization') {
    throw new StateError(`the chip is in ${mode} mode, expected customization: unlock it first`)
  }
  const test = isTestModule(status)
  requireMark(test, root, input)
  const fixed = publicObjects(root, input)
  return useDocumentKey(ports, mask, serial, async (documentKey) => {
    if (!test) refuseTestKey(crypto, documentKey, 'the document key')
    const secret = secretObjects(ports, serial, documentKey, input)
    try {
      if (!test) for (const one of [...fixed, ...secret]) refuseObject(crypto, one)
      const records = recordsOfProduct(product, input.programs, issuer, [...fixed, ...secret], crypto)
      const writes = packWrites(records)
      const request = await inCustomizationChannel(
        ports,
        transport,
        { mask, serial, imageIv },
        async (protectedBy) => {
          await write(ports, protectedBy, writes)
          const made = product.identical === true ? undefined : await makeIdentity(ports, protectedBy, serial)
          if (made !== undefined && sam !== undefined) {
            const data = await customizationKeyFor(ports, sam, made)
            await protectedBy.send('PUT CUSTOMIZATION KEY', { data })
          }
          await before(protectedBy, made)
          return made
        },
      )
      await store.write(manufacturerRootName(serial), root.encoded)
      return {
        serial,
        papers:
          product.identical === true
            ? new Uint8Array(0)
            : serializeModulePapers({ version: 1, serial, product: product.name, documentKey }),
        ...(request === undefined ? {} : { identityRequest: serializeIdentityRequest(request) }),
        writes: writes.length,
      }
    } finally {
      for (const { bytes } of secret) wipe(bytes)
    }
  })
}

/** Later customization is asked for with its SAM, or not at all; modules without an identity key have nothing to seal the key to. */
function requireSam({ product, sam }: Pick<CustomizeInput, 'product' | 'sam'>): void {
  if ((product.laterCustomization === true) !== (sam !== undefined)) {
    throw new UsageError('later customization and a SAM go together')
  }
  if (sam !== undefined && product.identical === true) {
    throw new UsageError('identical modules have no identity key that a customization key could be sealed to')
  }
}

/** A test chip belongs under test roots, and no other chip does: the module trusts what it is given here for the rest of its life. */
function requireMark(
  test: boolean,
  root: Certificate,
  { authority, testAuthority = false }: CustomizeInput,
): void {
  const wrong =
    root.test !== test
      ? "manufacturer's root"
      : authority !== undefined && testAuthority !== test
        ? 'authority'
        : undefined
  if (wrong === undefined) return
  throw new StateError(
    test
      ? `the chip is a test module, and the ${wrong} is no test root`
      : `the ${wrong} is a test root, and the chip is no test module`,
    { code: 'test-mark-differs' },
  )
}

function refuseObject(crypto: Crypto, { object, id, bytes }: ProductObject): void {
  if (object === 'key') refuseTestKey(crypto, bytes.subarray(1), `the key for place ${id.toString(16)}`)
  else if (object === 'public-key') {
    refuseTestKey(
      crypto,
      bytes,
      id === publicKeyIds.authority ? "the authority's key" : "the manufacturer's key",
    )
  } else if (object === 'operator') refuseTestKey(crypto, bytes, `the key of operator ${id}`)
}

async function write(ports: PartyPorts, channel: Channel, writes: readonly Uint8Array[]): Promise<void> {
  for (const [i, data] of writes.entries()) {
    ports.progress(`WRITE ${i + 1} of ${writes.length}`)
    try {
      await channel.send('WRITE', { data })
    } finally {
      wipe(data)
    }
  }
}

/** The request of the chip's one identity key: signatures differ from run to run, so the first one is kept. */
async function makeIdentity(
  { crypto, store }: PartyPorts,
  channel: Channel,
  serial: Uint8Array,
): Promise<IdentityRequest> {
  const request = { version: 1 as const, serial, ...parseIdentityKey(await channel.send('MAKE IDENTITY')) }
  checkIdentityRequest(crypto, request)
  const kept = await store.read(identityRequestName(serial))
  if (kept !== undefined) {
    const first = parseIdentityRequest(kept)
    if (equal(first.point, request.point)) return first
  }
  await store.write(identityRequestName(serial), serializeIdentityRequest(request))
  return request
}

function publicObjects(
  root: Certificate,
  { authority, operators = [] }: Pick<CustomizeInput, 'authority' | 'operators'>,
): ProductObject[] {
  return [
    { object: 'public-key', id: publicKeyIds.manufacturer, bytes: root.publicPoint },
    ...(authority === undefined
      ? []
      : [{ object: 'public-key' as const, id: publicKeyIds.authority, bytes: authority }]),
    ...operators.map((bytes, i) => ({ object: 'operator' as const, id: i + 1, bytes })),
  ]
}

function secretObjects(
  { crypto }: PartyPorts,
  serial: Uint8Array,
  documentKey: Uint8Array,
  { signatureKey, product, credentials }: Pick<CustomizeInput, 'signatureKey' | 'product' | 'credentials'>,
): ProductObject[] {
  const own = [
    ...(signatureKey === undefined ? [] : [keyObject(keyPlaces.signature, signatureKey)]),
    ...(credentials === undefined ? [] : [credentialObject(credentials, serial)]),
  ]
  // Nothing in an identical module may be its own, but what it was handed for that.
  if (product.identical === true) return own
  const set = documentChannelKeys(crypto, documentKey, serial)
  const managed: readonly string[] = product.natives
  const domain = managed.includes('PUT KEY') ? firstDomainKeys(crypto, documentKey, serial) : undefined
  const objects = [
    keyObject(keyPlaces.document, set.enc),
    keyObject(keyPlaces.document + 1, set.mac),
    keyObject(keyPlaces.document + 2, set.dek),
    ...(domain === undefined
      ? []
      : [domain.enc, domain.mac, domain.dek].map((key, i) => keyObject(firstDomainPlace + i, key))),
    ...own,
  ]
  wipeChannelKeys(set)
  if (domain !== undefined) wipeChannelKeys(domain)
  return objects
}

function keyObject(id: number, key: Uint8Array): ProductObject {
  return { object: 'key', id, bytes: serializeAesKeyObject(key) }
}

/** The credential of this module: whoever brings them has one for each, or nothing is customized. */
function credentialObject(file: Uint8Array, serial: Uint8Array): ProductObject {
  const credentials = parseCredentials(file)
  try {
    const found = credentials.find((one) => equal(one.serial, serial))
    if (found !== undefined) return keyObject(keyPlaces.credential, found.credential)
    throw new StateError(`the credentials hold none for the module ${encodeHex(serial)}`, {
      code: 'wrong-module',
    })
  } finally {
    wipe(...credentials.map(({ credential }) => credential))
  }
}

/** Place of ENC of the issuer security domain's first key set; MAC and DEK follow. */
const firstDomainPlace = ((securityDomainKeys << 16) | (firstDomainKeyVersion << 8) | 0x01) >>> 0

function manufacturerRoot(bytes: Uint8Array): Certificate {
  const root = parseCertificate(bytes)
  if (root.role !== 'manufacturer-root') {
    throw new UsageError(
      `expected the certificate of a manufacturer's root, got one of ${root.role ?? 'no'} role`,
    )
  }
  return root
}
