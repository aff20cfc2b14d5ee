import type { ApprovableAction, Duty } from '@sealwright/core/catalog'
import { approvableActions, duties as dutyTable } from '@sealwright/core/catalog'
import { refuseTestKey } from '@sealwright/core/crypto'
import { StateError, UsageError } from '@sealwright/core/errors'
import {
  mostPersons,
  openEnrolmentRequest,
  type Person,
  parseRoster,
  prepareRoster,
  type Roster,
  readsAs,
  sameX,
} from '@sealwright/core/people'
import { requireFingerprint } from '@sealwright/core/personalization'
import type { PartyPorts } from '../ports/index.ts'
import { sessionKey } from './key.ts'

export interface EnrolInput {
  /** The person's `enrolment-request`. */
  readonly request: Uint8Array
  /** SHA-256 of the person's key as the person told it, 32 bytes: nothing else vouches for the key. */
  readonly fingerprint: Uint8Array
  readonly duties: readonly Duty[]
  readonly actions: readonly ApprovableAction[]
  /** How long the new roster counts, in days; 90 unless given. */
  readonly days?: number
}

/** A signed roster. */
export interface IssuedRoster {
  readonly roster: Roster
  /** The bytes of the `roster` document. */
  readonly document: Uint8Array
}

/**
 * Enrols a person and signs the next roster. A tag or key that was ever enrolled here is not enrolled again, and a tag that reads like
 * another one is refused: StateError `enrolment-refused`.
 */
export async function enrol(ports: PartyPorts, input: EnrolInput): Promise<IssuedRoster> {
  const { crypto } = ports
  const { id, point } = openEnrolmentRequest(input.request, crypto)
  requireFingerprint(point, input.fingerprint, crypto)
  refuseTestKey(crypto, point, "the person's key")
  const all = await rosters(ports)
  const ever = all.flatMap(({ roster }) => roster.persons)
  const last = all.at(-1)?.roster.persons ?? []
  const same = last.find((person) => person.id === id && sameX(person.point, point))
  const duties = inOrder(dutyTable, input.duties, 'duties')
  const actions = inOrder(approvableActions, input.actions, 'actions')
  if (same?.revoked === undefined && same !== undefined) {
    // The same person with other duties or actions, or once more.
    return issue(
      ports,
      [...last.filter((person) => person !== same), { id, point, duties, actions }],
      input.days,
    )
  }
  for (const person of ever) {
    if (sameX(person.point, point)) throw refused(`this key is, or was, the one of ${person.id}`)
    if (person.id === id) throw refused(`there is, or was, a person ${id} already: take another tag`)
    if (readsAs(person.id) === readsAs(id)) throw refused(`${id} reads like ${person.id}: take another tag`)
  }
  return issue(ports, [...withRoom(last), { id, point, duties, actions }], input.days)
}

/** Revokes a person and signs the next roster. Revoked already: the newest roster as it is. */
export async function revoke(
  ports: PartyPorts,
  { id, days }: { readonly id: string; readonly days?: number },
): Promise<IssuedRoster> {
  const last = (await rosters(ports)).at(-1)
  const person = last?.roster.persons.find((one) => one.id === id)
  if (last === undefined || person === undefined) throw refused(`there is no person ${id}`)
  if (person.revoked !== undefined) return last
  const revoked = { ...person, revoked: ports.clock.now() }
  const others = last.roster.persons.filter((one) => one !== person)
  return issue(ports, [...others, revoked], days)
}

/** The newest roster; with `days` a new one of the same persons that counts so long. */
export async function roster(
  ports: PartyPorts,
  { days }: { readonly days?: number } = {},
): Promise<IssuedRoster> {
  const last = (await rosters(ports)).at(-1)
  if (last === undefined) throw new StateError('nobody is enrolled yet', { code: 'roster-missing' })
  return days === undefined ? last : issue(ports, last.roster.persons, days)
}

async function issue(ports: PartyPorts, persons: readonly Person[], days = 90): Promise<IssuedRoster> {
  const { clock, crypto, store, vault } = ports
  if (!Number.isInteger(days) || days < 1 || days > 400)
    throw new UsageError('a roster counts for 1 to 400 days')
  const number = ((await rosters(ports)).at(-1)?.roster.number ?? 0) + 1
  const issued = clock.now()
  const next: Roster = { number, issued, until: issued + days * 86_400, persons }
  const unsigned = prepareRoster(next, await vault.publicPoint(sessionKey), crypto)
  const document = unsigned.finish(await vault.sign(sessionKey, unsigned.toBeSigned))
  await store.write(`${folder}${String(number).padStart(10, '0')}.roster`, document)
  return { roster: parseRoster(document).roster, document }
}

/** Every roster that was signed here, oldest first. */
async function rosters({ store }: PartyPorts): Promise<IssuedRoster[]> {
  const found: IssuedRoster[] = []
  for (const name of await store.list(folder)) {
    const document = await store.read(name)
    if (document !== undefined) found.push({ roster: parseRoster(document).roster, document })
  }
  return found
}

/** The persons without the one revoked first, where the list is full. */
function withRoom(persons: readonly Person[]): readonly Person[] {
  if (persons.length < mostPersons) return persons
  const oldest = persons
    .filter(({ revoked }) => revoked !== undefined)
    .sort((a, b) => a.revoked! - b.revoked!)[0]
  if (oldest === undefined) throw refused(`a roster holds ${mostPersons} persons: revoke one first`)
  return persons.filter((person) => person !== oldest)
}

function inOrder<T extends string>(
  table: Readonly<Record<T, unknown>>,
  names: readonly T[],
  what: string,
): T[] {
  const found = (Object.keys(table) as T[]).filter((name) => names.includes(name))
  if (found.length === 0 || names.some((name) => !found.includes(name))) {
    throw new UsageError(`${what}: expected some of ${Object.keys(table).join(', ')}`)
  }
  return found
}

function refused(text: string): StateError {
  return new StateError(text, { code: 'enrolment-refused' })
}

const folder = 'rosters/'
