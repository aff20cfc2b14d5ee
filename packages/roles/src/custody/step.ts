import { encodeHex } from '@sealwright/core/bytes'
import { type EventType, eventTypes } from '@sealwright/core/catalog'
import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { errorTable, SealwrightError, StateError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import type { Channel } from '../channel/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { type EntryDetails, recordEvents } from './events.ts'
import { type ProvenHead, readHead } from './head.ts'

export interface Step<T> {
  /** The command that does the step, for whoever must run it again: `issuer unlock`. */
  readonly name: string
  /** What it is done to: a serial number in hex, a reference. Letters, digits, hyphens. */
  readonly subject: string
  /** What `settle` needs to know after a crash. No secrets. */
  readonly intent?: Uint8Array
  /**
   * Asks the module what became of an earlier run that was broken off: its result if it took place, undefined if the step is to be
   * done (again). Without it a broken-off step is simply done again.
   */
  settle?(intent: Uint8Array): Promise<T | undefined>
  /** Talks to the module and stores the receipt. */
  run(): Promise<T>
}

/**
 * One step of a party (design, section 7): the intent is stored, the module spoken to, the receipt stored, the intent removed. A
 * pending intent for the same subject is settled before anything else; one of another step is a StateError `step-pending`.
 * An error whose outcome is known, such as a refusal, removes the intent; a broken connection leaves it.
 */
export async function step<T>(
  ports: PartyPorts,
  { name, subject, intent = new Uint8Array(0), settle, run }: Step<T>,
): Promise<T> {
  const { store } = ports
  const file = intentFile(subject)
  const pending = await pendingIntent(ports, file)
  if (pending !== undefined && pending.name !== name) {
    throw new StateError(`an earlier \`${pending.name}\` with ${subject} was broken off and is not settled`, {
      code: 'step-pending',
      details: { step: pending.name, subject },
    })
  }
  if (pending !== undefined) {
    const settled = await settle?.(pending.intent)
    if (settled !== undefined) {
      await store.remove(file)
      return settled
    }
  }
  const at = ports.clock.now()
  await store.write(file, encodeCanonical({ v: 1, format, name, subject, at, intent }))
  try {
    const result = await run()
    await store.remove(file)
    return result
  } catch (error) {
    if (outcomeIsKnown(error)) await store.remove(file)
    throw error
  }
}

export interface ModuleStep<T> {
  readonly name: string
  /** Event types that the step may cause; only these are recorded. */
  readonly types: readonly EventType[]
  readonly details?: EntryDetails | ((result: T | undefined) => EntryDetails)
  /**
   * Event number and chain as the module's signature or a channel vouches for them: what GET EVENTS tells in the clear must agree.
   * Asked when events are to be recorded; `result` is undefined when the step, or another one before it, was broken off or refused.
   */
  proven?(result: T | undefined): ProvenHead | undefined | Promise<ProvenHead | undefined>
  /** Asks the module whether an earlier run took place: its result, or undefined. */
  settle?(): Promise<T | undefined>
  run(): Promise<T>
}

/**
 * A step with one module whose events go to the party's outbox, also those of a run that was broken off or ended in a refusal.
 * Another step with the same module that was broken off has its events recorded first; it may be run again afterwards.
 * @param channel for questions that need no protection; `run` may open others on the same transport
 */
export async function moduleStep<T>(
  ports: PartyPorts,
  channel: Channel,
  { name, types, details = {}, proven, settle, run }: ModuleStep<T>,
): Promise<{ result: T; entries: LogEntry[] }> {
  const { serial, number } = await readHead(channel)
  const subject = encodeHex(serial)
  const checked = async (result: T | undefined): Promise<{ proven?: ProvenHead }> => {
    const head = await proven?.(result)
    return head === undefined ? {} : { proven: head }
  }
  const record = async (since: number, result: T | undefined): Promise<LogEntry[]> =>
    recordEvents(ports, channel, {
      serial,
      since,
      types,
      details: typeof details === 'function' ? details(result) : details,
      ...(await checked(result)),
    })

  const file = intentFile(subject)
  const pending = await pendingIntent(ports, file)
  if (pending !== undefined && pending.name !== name) {
    const broken = parseModuleIntent(pending.intent)
    if (number > broken.since) {
      await recordEvents(ports, channel, { serial, ...broken, ...(await checked(undefined)) })
    }
    await ports.store.remove(file)
    ports.progress(
      `an earlier \`${pending.name}\` was broken off; what it did is recorded, run it again if need be`,
    )
  }

  return step(ports, {
    name,
    subject,
    intent: encodeCanonical({ since: number, types }),
    async settle(intent) {
      const { since } = parseModuleIntent(intent)
      const result = await settle?.()
      // Settling may itself have had the module do what was left undone.
      const { number: now } = await readHead(channel)
      const entries = now > since ? await record(since, result) : []
      return result === undefined ? undefined : { result, entries }
    },
    async run() {
      let result: T
      try {
        result = await run()
      } catch (error) {
        // What the module did before it refused stands in its chain, and must stand in the log.
        if (outcomeIsKnown(error) && (await readHead(channel)).number > number)
          await record(number, undefined)
        throw error
      }
      return { result, entries: await record(number, result) }
    },
  })
}

/** What a step with a module writes down before it begins. */
export function parseModuleIntent(bytes: Uint8Array): { since: number; types: EventType[] } {
  const r = MapReader.of(bytes, 'intent')
  const intent = {
    since: r.uint('since'),
    types: r.array('types', (type) => {
      if (typeof type !== 'string' || !Object.hasOwn(eventTypes, type)) throw r.fail('no such type of event')
      return type as EventType
    }),
  }
  r.end()
  return intent
}

/** A step that was begun and not ended, under its intent's name in the store. */
export async function pendingIntent(
  { store }: PartyPorts,
  file: string,
): Promise<{ name: string; intent: Uint8Array } | undefined> {
  const bytes = await store.read(file)
  if (bytes === undefined) return undefined
  const r = MapReader.of(bytes, 'intent')
  r.begin('intent')
  const pending = { name: r.text('name'), intent: r.bytes('intent') }
  r.text('subject')
  r.time('at')
  r.end()
  return pending
}

/** Whether nothing is left open: the module refused, or the step ended on this side before it acted. */
function outcomeIsKnown(error: unknown): boolean {
  if (!(error instanceof SealwrightError)) return false
  return !['environment', 'peer', 'us'].includes(errorTable[error.code].culprit)
}

export function intentFile(subject: string): string {
  return `intents/${subject.toLowerCase()}`
}

const format = 'sealwright intent'
