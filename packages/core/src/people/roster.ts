import { equal } from '../bytes/index.ts'
import { type ApprovableAction, approvableActions, type Duty, duties } from '../catalog/index.ts'
import {
  type CborInput,
  type CborValue,
  documentKeyId,
  isSignedBy,
  MapReader,
  parseDocument,
  prepareDocument,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
} from '../cbor/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { isPersonId, type Person } from './person.ts'

/**
 * All persons that one central system has enrolled: payload of a `roster` document. A roster replaces the one before it, so that who was
 * left out or revoked is so at once, and nobody can keep back one revocation among others.
 */
export interface Roster {
  /** Rises with every roster of this central system, from 1. */
  readonly number: number
  /** When it was made, seconds since 1970 (4 bytes): for an actor without a clock, a moment that has passed. */
  readonly issued: number
  /** The last moment at which it counts, the same. */
  readonly until: number
  /** Ascending by id; no id and no key (by its X coordinate) twice. At most `mostPersons`. */
  readonly persons: readonly Person[]
}

export const mostPersons = 32

/** Why a roster is not taken, each with a text for people. */
export const rosterReasons = {
  malformed: 'it is no roster',
  issuer: 'it is not signed by the central system that is known here',
  expired: 'it has ended',
  older: 'a newer one has been taken already',
  differs: 'another one with the same number has been taken already',
} as const

export type RosterReason = keyof typeof rosterReasons

/** What a roster must fit. */
export interface RosterExpectation {
  /** Public key of the central system, 65 bytes, as it is known here. */
  readonly issuerPoint: Uint8Array
  /** Seconds since 1970. */
  readonly at: number
  /** The roster that was taken last: its number and SHA-256 of its bytes. */
  readonly last?: { readonly number: number; readonly digest: Uint8Array }
}

export type RosterResult =
  | { readonly ok: true; readonly roster: Roster }
  | { readonly ok: false; readonly reason: RosterReason; readonly text: string }

/** The roster without its signature, which the central system's key makes. Persons may come in any order. */
export function prepareRoster(roster: Roster, issuerPoint: Uint8Array, crypto: Crypto): UnsignedDocument {
  const persons = [...roster.persons].sort(byId)
  const problem = problemOf({ ...roster, persons })
  if (problem !== undefined) throw new UsageError(`roster: ${problem}`)
  const { number, issued, until } = roster
  return prepareDocument(
    'roster',
    { number, issued, until, persons: persons.map(personFields) },
    issuerPoint,
    crypto,
  )
}

/** Parses a `roster` document. The signature is not checked; `checkRoster` does. */
export function parseRoster(bytes: Uint8Array): { readonly roster: Roster; readonly signed: SignedDocument } {
  const signed = parseDocument(bytes)
  if (signed.type !== 'roster') throw new DecodeError(`expected a roster, got a ${signed.type}`)
  const r = readDocument(signed)
  const roster = {
    number: r.uint('number'),
    issued: r.uint('issued'),
    until: r.uint('until'),
    persons: r.array('persons', readPerson),
  }
  r.end()
  const problem = problemOf(roster)
  if (problem !== undefined) throw r.fail(problem)
  return { roster, signed }
}

/**
 * Whether a roster is to be taken in the place of the last one: signed by the known central system, in force, with a higher number. The
 * same bytes again are taken too.
 */
export function checkRoster(bytes: Uint8Array, expected: RosterExpectation, crypto: Crypto): RosterResult {
  const fail = (reason: RosterReason): RosterResult => ({ ok: false, reason, text: rosterReasons[reason] })
  let parsed: ReturnType<typeof parseRoster>
  try {
    parsed = parseRoster(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return fail('malformed')
    throw error
  }
  const { roster, signed } = parsed
  const { issuerPoint, at, last } = expected
  if (!isSignedBy(signed, 'roster', issuerPoint, crypto)) return fail('issuer')
  if (at > roster.until) return fail('expired')
  if (last !== undefined && roster.number < last.number) return fail('older')
  if (last !== undefined && roster.number === last.number && !equal(crypto.sha256(bytes), last.digest)) {
    return fail('differs')
  }
  return { ok: true, roster }
}

/** The person whose key has this id (`documentKeyId`, 16 bytes); revoked ones too. */
export function personOfKey({ persons }: Roster, keyId: Uint8Array, crypto: Crypto): Person | undefined {
  return persons.find(({ point }) => equal(documentKeyId(point, crypto), keyId))
}

/** Whether two points are of one private key, or of one and its negative: by X, bytes 1 to 32. */
export function sameX(a: Uint8Array, b: Uint8Array): boolean {
  return equal(a.subarray(1, 33), b.subarray(1, 33))
}

function problemOf({ number, issued, until, persons }: Roster): string | undefined {
  if (![number, issued, until].every(isU32) || number === 0) {
    return 'number, issued and until expected in 4 bytes, number at least 1'
  }
  if (until < issued) return 'it ends before it begins'
  if (persons.length > mostPersons) return `at most ${mostPersons} persons`
  for (const [at, person] of persons.entries()) {
    const problem = personProblem(person)
    if (problem !== undefined) return problem
    if (at > 0 && byId(persons[at - 1]!, person) >= 0) return 'persons expected ascending by id, none twice'
    if (persons.slice(0, at).some((other) => sameX(other.point, person.point))) {
      return 'one key belongs to one person only'
    }
  }
  return undefined
}

function personProblem(person: Person): string | undefined {
  if (!isPersonId(person.id)) return 'an id expected 1 to 32 of a-z, 0-9, dot, hyphen and underscore'
  if (person.point.length !== 65 || person.point[0] !== 0x04) return 'a point expected uncompressed'
  if (person.revoked !== undefined && !isU32(person.revoked)) return 'revoked expected in 4 bytes'
  return (
    listProblem(person.duties, duties, 'duties') ?? listProblem(person.actions, approvableActions, 'actions')
  )
}

/** At least one of the catalog's names, in its order. */
function listProblem(names: readonly string[], table: object, what: string): string | undefined {
  const order = Object.keys(table)
  const inOrder = order.filter((name) => names.includes(name))
  const same = inOrder.length === names.length && inOrder.every((name, at) => name === names[at])
  return same && names.length > 0 ? undefined : `${what} expected in the order of the catalog, at least one`
}

function personFields({ id, point, duties: own, actions, revoked }: Person): CborInput {
  return { id, point, duties: own, actions, ...(revoked === undefined ? {} : { revoked }) }
}

function readPerson(item: CborValue): Person {
  const r = new MapReader(item, 'roster person')
  const text = (value: CborValue): string => {
    if (typeof value !== 'string') throw r.fail('expected text')
    return value
  }
  const revoked = r.optional('revoked', () => r.uint('revoked'))
  // Whether the names are the catalog's, `problemOf` looks.
  const person = {
    id: r.text('id'),
    point: r.bytes('point', 65),
    duties: r.array('duties', text) as Duty[],
    actions: r.array('actions', text) as ApprovableAction[],
    ...(revoked === undefined ? {} : { revoked }),
  }
  r.end()
  return person
}

function byId(a: Person, b: Person): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff
}
