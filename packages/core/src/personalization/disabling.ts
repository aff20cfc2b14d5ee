import {
  type DocumentFields,
  prepareDocument,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
} from '../cbor/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/** What a central system no longer talks to: a unit's or a module's public key, or a module whatever its key. */
export type DisabledKind = 'unit' | 'module' | 'serial'

/** Bytes that name it: SHA-256 of the public point, or the module's serial number. */
export const disabledKinds = { unit: 32, module: 32, serial: 8 } as const satisfies Record<
  DisabledKind,
  number
>

export interface DisabledKey {
  readonly kind: DisabledKind
  readonly id: Uint8Array
}

/** One decision of a central system about a key; its documents are a chain, in which none can be left out. */
export interface Disabling extends DisabledKey {
  /** 1, 2, 3 … */
  readonly number: number
  /** SHA-256 of the document before, 32 zeros for the first. */
  readonly previous: Uint8Array
  readonly action: 'disable' | 'enable'
  /** Seconds since 1970. */
  readonly at: number
  /** Why, in words; at most 200 characters. */
  readonly reason: string
}

/** The document without its signature, which the key at `publicPoint` makes. */
export function prepareDisabling(
  disabling: Disabling,
  publicPoint: Uint8Array,
  crypto: Crypto,
): UnsignedDocument {
  const { kind, id, reason, previous } = disabling
  if (id.length !== disabledKinds[kind] || previous.length !== 32) {
    throw new UsageError(`expected ${disabledKinds[kind]} bytes for a ${kind}, and a digest of 32`)
  }
  if (reason.length > longestReason) throw new UsageError(`reason: at most ${longestReason} characters`)
  return prepareDocument('disabling', { ...disabling } satisfies DocumentFields, publicPoint, crypto)
}

export function parseDisabling(document: SignedDocument): Disabling {
  if (document.type !== 'disabling') throw new DecodeError(`expected a disabling, got a ${document.type}`)
  const r = readDocument(document)
  const kind = r.text('kind')
  const action = r.text('action')
  if (!isKind(kind)) throw r.fail(`there is no kind ${JSON.stringify(kind)}`)
  if (action !== 'disable' && action !== 'enable') throw r.fail('action expected disable or enable')
  const disabling: Disabling = {
    number: r.uint('number'),
    previous: r.bytes('previous', 32),
    action,
    kind,
    id: r.bytes('id', disabledKinds[kind]),
    at: r.time('at'),
    reason: r.text('reason'),
  }
  r.end()
  if (disabling.number === 0) throw r.fail('number expected at least 1')
  if (disabling.reason.length > longestReason) throw r.fail('the reason is too long')
  return disabling
}

function isKind(text: string): text is DisabledKind {
  return Object.hasOwn(disabledKinds, text)
}

const longestReason = 200
