import { encodeHex, equal } from '@sealwright/core/bytes'
import { eventTypeOf } from '@sealwright/core/catalog'
import { encodeCanonical } from '@sealwright/core/cbor'
import type { ChainedEvent, LogEntry } from '@sealwright/core/log'
import type { PartyPorts } from '../ports/index.ts'
import { type ModuleEvent, recordEvent } from './events.ts'
import { intentFile, parseModuleIntent, pendingIntent, step } from './step.ts'

/** A restore of the file of a module that the party keeps. */
export interface RestoreInput {
  /** What it will be in the module's chain. */
  readonly event: ChainedEvent
  /** Events that the module's present memory keeps, from a number on, oldest first. */
  presentEvents(from: number): readonly ModuleEvent[]
  /** Puts the backup in the place of the memory. */
  carryOut(): void
}

export interface Restored {
  readonly entry: LogEntry
  /** It was carried out by an earlier run, which was broken off before the entry was written. */
  readonly before: boolean
}

/**
 * Restores a module's memory and queues the signed entry of it for the log. Run again after it was broken off, it finds out from the
 * module's chain whether the restore took place.
 */
export async function recordRestore(ports: PartyPorts, input: RestoreInput): Promise<Restored> {
  const { event, presentEvents, carryOut } = input
  await recordBroken(ports, input)
  return step<Restored>(ports, {
    name: stepName,
    subject: encodeHex(event.serial),
    // As steps with a module write it, so that the next one of them can record what this one left.
    intent: encodeCanonical({ since: event.number - 1, types: ['restored'] }),
    async settle(intent) {
      const { since } = parseModuleIntent(intent)
      const [last, done] = presentEvents(since)
      if (last?.number !== since || done?.type !== event.type) return undefined
      const { number, type, digest } = done
      const earlier = { previous: last.chain, serial: event.serial, number, type, digest }
      const entry = await recordEvent(ports, earlier, details(digest))
      return equal(digest, event.digest) ? { entry, before: true } : undefined
    },
    async run() {
      carryOut()
      return { entry: await recordEvent(ports, event, details(event.digest)), before: false }
    },
  })
}

/** Another step with the module that was broken off: what the present memory tells of it is recorded, for no later one will. */
async function recordBroken(ports: PartyPorts, { event, presentEvents }: RestoreInput): Promise<void> {
  const file = intentFile(encodeHex(event.serial))
  const pending = await pendingIntent(ports, file)
  if (pending === undefined || pending.name === stepName) return
  const { since, types } = parseModuleIntent(pending.intent)
  let previous: Uint8Array | undefined
  for (const { number, type, digest, chain } of presentEvents(since)) {
    const name = eventTypeOf(type)
    if (number > since && previous !== undefined && name !== undefined && types.includes(name)) {
      await recordEvent(ports, { previous, serial: event.serial, number, type, digest })
    }
    previous = chain
  }
  await ports.store.remove(file)
  ports.progress(`an earlier \`${pending.name}\` was broken off; what the memory tells of it is recorded`)
}

const stepName = 'module restore'

function details(backup: Uint8Array): { backup: Uint8Array } {
  return { backup }
}
