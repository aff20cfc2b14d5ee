import { type CborInput, type CborValue, encodeCanonical, MapReader } from '../cbor/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { parseCheckpoint } from './checkpoint.ts'
import type { MerkleTree } from './merkle.ts'

/** Who signed entries: certificates, leaf first and without the root, or a bare point of 65 bytes. */
export type PassportParty = { readonly chain: readonly Uint8Array[] } | { readonly point: Uint8Array }

export interface PassportEntry {
  /** The signed `entry` document as it stands in the log. */
  readonly document: Uint8Array
  /** Index in `parties`. */
  readonly party: number
  /** Where it stands in the log, with the proof under the checkpoint; missing while it is not in the log. */
  readonly inclusion?: { readonly index: number; readonly proof: readonly Uint8Array[] }
}

/** The module's answer to PASSPORT HEAD. */
export interface SignedHead {
  /** The caller's nonce, 16 bytes. */
  readonly nonce: Uint8Array
  readonly number: number
  readonly chain: Uint8Array
  readonly key: 'identity' | 'operating'
  /** Raw r‖s over `passportHeadInput`, 64 bytes. */
  readonly signature: Uint8Array
}

/** A module's record as one file that a stranger can check: deterministic CBOR, described in docs/SPEC. */
export interface Passport {
  readonly serial: Uint8Array
  /** What the chain starts from, when it is told: SHA-256 of ROM and of the encrypted image. */
  readonly start?: { readonly romDigest: Uint8Array; readonly imageDigest: Uint8Array }
  readonly parties: readonly PassportParty[]
  readonly entries: readonly PassportEntry[]
  /** Text of the log's signed checkpoint. */
  readonly checkpoint?: string
  readonly head?: SignedHead
  /** Certificates (DER) of the key that signed the head, leaf first and without the root. */
  readonly chain: readonly Uint8Array[]
}

/** A passport's parts before the log's proofs are added. */
export interface PassportInput extends Omit<Passport, 'parties' | 'entries'> {
  /** The module's entries in their order; `index` is the place in the log, if it is there. */
  readonly entries: readonly {
    readonly document: Uint8Array
    readonly signer: PassportParty
    readonly index?: number
  }[]
}

/** Builds a passport with inclusion proofs from the log's tree under the checkpoint. */
export function buildPassport(input: PassportInput, tree: MerkleTree): Passport {
  const size = input.checkpoint === undefined ? 0 : parseCheckpoint(input.checkpoint).size
  const parties: PassportParty[] = []
  const known = new Map<string, number>()
  const entries = input.entries.map(({ document, signer, index }): PassportEntry => {
    const name = String(encodeCanonical(partyFields(signer)))
    let party = known.get(name)
    if (party === undefined) {
      party = parties.push(signer) - 1
      known.set(name, party)
    }
    if (index === undefined || index >= size) return { document, party }
    return { document, party, inclusion: { index, proof: tree.inclusionProof(index, size) } }
  })
  return { ...input, parties, entries }
}

export function serializePassport(passport: Passport): Uint8Array {
  const { serial, start, parties, entries, checkpoint, head, chain } = passport
  if (entries.some(({ party }) => party >= parties.length)) throw new UsageError('an entry without its party')
  return encodeCanonical({
    v: 1,
    format,
    serial,
    start: start && [start.romDigest, start.imageDigest],
    parties: parties.map(partyFields),
    entries: entries.map(({ document, party, inclusion }) => ({ document, party, ...inclusion })),
    checkpoint,
    head: head && { ...head },
    chain,
  })
}

export function parsePassport(bytes: Uint8Array): Passport {
  const r = MapReader.of(bytes, 'passport')
  r.begin('passport')
  const parties = r.array('parties', parseParty)
  const start = r.optional('start', () => r.array('start', (item) => octets(item, 32, 'start digest')))
  if (start && start.length !== 2) throw r.fail('start expected two digests')
  const checkpoint = r.optional('checkpoint', () => r.text('checkpoint'))
  const head = r.optional('head', () => parseHead(r.map('head')))
  const passport = {
    serial: r.bytes('serial', 8),
    ...(start && { start: { romDigest: start[0]!, imageDigest: start[1]! } }),
    parties,
    entries: r.array('entries', (item) => parsePassportEntry(item, parties.length)),
    ...(checkpoint !== undefined && { checkpoint }),
    ...(head && { head }),
    chain: r.array('chain', (item) => octets(item, undefined, 'certificate')),
  }
  r.end()
  return passport
}

function partyFields(party: PassportParty): CborInput {
  return 'point' in party ? { point: party.point } : { chain: party.chain }
}

function parseParty(value: CborValue): PassportParty {
  const r = new MapReader(value, 'passport party')
  const party = r.has('point')
    ? { point: r.bytes('point', 65) }
    : { chain: r.array('chain', (item) => octets(item, undefined, 'certificate')) }
  r.end()
  if ('chain' in party && party.chain.length === 0) throw r.fail('chain expected at least one certificate')
  return party
}

function parsePassportEntry(value: CborValue, parties: number): PassportEntry {
  const r = new MapReader(value, 'passport entry')
  const document = r.bytes('document')
  const party = r.uint('party')
  if (party >= parties) throw r.fail('party is not in the list')
  const index = r.optional('index', () => r.uint('index', Number.MAX_SAFE_INTEGER))
  if (index === undefined) {
    r.end()
    return { document, party }
  }
  const proof = r.array('proof', (item) => octets(item, 32, 'hash'))
  r.end()
  return { document, party, inclusion: { index, proof } }
}

function parseHead(r: MapReader): SignedHead {
  const key = r.text('key')
  if (key !== 'identity' && key !== 'operating') throw r.fail('key expected identity or operating')
  const head = {
    nonce: r.bytes('nonce', 16),
    number: r.uint('number'),
    chain: r.bytes('chain', 32),
    key,
    signature: r.bytes('signature', 64),
  } as const
  r.end()
  return head
}

function octets(value: CborValue, length: number | undefined, what: string): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) {
    throw new DecodeError(`passport: expected a ${what} as byte string`)
  }
  return value
}

const format = 'sealwright passport'
