import { encodeHex, equal } from '@sealwright/core/bytes'
import { encodeCanonical, MapReader, parseDocument, verifyDocument } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import { AuthError, DecodeError, StateError } from '@sealwright/core/errors'
import {
  type DisabledKey,
  type Disabling,
  disabledKinds,
  parseDisabling,
  prepareDisabling,
} from '@sealwright/core/personalization'
import { logSigningKey, type PartyPorts } from '../ports/index.ts'

export interface DisablingInput extends DisabledKey {
  /** Why, in words, for whoever reads the chain. */
  readonly reason: string
}

export interface Decision {
  readonly disabling: Disabling
  /** It was so already; no new document was made. */
  readonly already: boolean
}

/**
 * From the moment that this returns no session is set up under the key, and the next message of an open one is refused, whatever process
 * holds it: sessions look at the store before each message. The signed decision stands in a chain of its own first.
 */
export function disable(ports: PartyPorts, input: DisablingInput): Promise<Decision> {
  return decide(ports, 'disable', input)
}

/** Takes it back. */
export function enable(ports: PartyPorts, input: DisablingInput): Promise<Decision> {
  return decide(ports, 'enable', input)
}

async function decide(
  ports: PartyPorts,
  action: Disabling['action'],
  { kind, id, reason }: DisablingInput,
): Promise<Decision> {
  const { clock, crypto, store, vault } = ports
  const chain = await disablings(ports)
  await settle(ports, chain)
  const last = lastAbout(chain, { kind, id })
  const disabled = last?.disabling.action === 'disable'
  if (last !== undefined && disabled === (action === 'disable')) {
    return { disabling: last.disabling, already: true }
  }
  if (action === 'enable' && !disabled) throw new StateError('that key is not disabled')
  const before = chain.at(-1)
  const disabling: Disabling = {
    number: chain.length + 1,
    previous: before === undefined ? new Uint8Array(32) : crypto.sha256(before.document),
    ...{ action, kind, id, reason, at: clock.now() },
  }
  const unsigned = prepareDisabling(disabling, await vault.publicPoint(logSigningKey), crypto)
  const document = unsigned.finish(await vault.sign(logSigningKey, unsigned.toBeSigned))
  await store.write(documentFile(disabling.number), document)
  await put(ports, disabling)
  return { disabling, already: false }
}

/** What stands in the chain, with its document. */
export interface ChainedDisabling {
  readonly disabling: Disabling
  readonly document: Uint8Array
}

/** Every decision, oldest first, each checked: signature, number, and the digest of the one before. AuthError or DecodeError when not. */
export async function disablings({ crypto, store, vault }: PartyPorts): Promise<ChainedDisabling[]> {
  const point = await vault.publicPoint(logSigningKey)
  const chain: ChainedDisabling[] = []
  for (const name of await store.list(documents)) {
    const document = (await store.read(name))!
    const signed = parseDocument(document)
    const disabling = parseDisabling(signed)
    if (!withHandle(crypto.ecPublicKey(point), (key) => verifyDocument(signed, 'disabling', key, crypto))) {
      throw new AuthError()
    }
    const before = chain.at(-1)
    const previous = before === undefined ? new Uint8Array(32) : crypto.sha256(before.document)
    if (disabling.number !== chain.length + 1 || !equal(disabling.previous, previous)) {
      throw new DecodeError(`the chain of disabled keys does not hold at ${disabling.number}`)
    }
    chain.push({ disabling, document })
  }
  return chain
}

/** What is disabled now, by the chain. */
export async function disabledKeys(ports: PartyPorts): Promise<Disabling[]> {
  const latest = new Map<string, Disabling>()
  for (const { disabling } of await disablings(ports)) latest.set(fileOf(disabling), disabling)
  return [...latest.values()].filter(({ action }) => action === 'disable')
}

/** Throws StateError `key-disabled` for the first of these that is disabled: asked of the store anew each time. */
export async function requireEnabled(
  { store }: Pick<PartyPorts, 'store'>,
  keys: readonly DisabledKey[],
): Promise<void> {
  for (const key of keys) {
    const bytes = await store.read(fileOf(key))
    if (bytes === undefined) continue
    const { reason } = parseDisabledKey(bytes)
    throw new StateError(`the ${names[key.kind]} is disabled${reason === '' ? '' : `: ${reason}`}`, {
      code: 'key-disabled',
      details: { kind: key.kind, id: encodeHex(key.id) },
    })
  }
}

const names = { unit: "unit's key", module: "module's operating key", serial: 'module' } as const

/** A process may have died between the document and its effect: the last decision about each key counts. */
async function settle(ports: PartyPorts, chain: readonly ChainedDisabling[]): Promise<void> {
  const last = chain.at(-1)
  if (last !== undefined) await put(ports, last.disabling)
}

async function put({ store }: PartyPorts, disabling: Disabling): Promise<void> {
  const file = fileOf(disabling)
  if (disabling.action === 'enable') await store.remove(file)
  else await store.write(file, serializeDisabledKey(disabling))
}

function lastAbout(chain: readonly ChainedDisabling[], key: DisabledKey): ChainedDisabling | undefined {
  return chain.findLast(({ disabling }) => disabling.kind === key.kind && equal(disabling.id, key.id))
}

type Kept = Pick<Disabling, 'kind' | 'id' | 'at' | 'reason' | 'number'>

/** What a session finds of a disabled key. */
export function serializeDisabledKey({ kind, id, at, reason, number }: Kept): Uint8Array {
  return encodeCanonical({ v: 1, format, kind, id, at, reason, number })
}

export function parseDisabledKey(bytes: Uint8Array): Kept {
  const r = MapReader.of(bytes, 'disabled key')
  r.begin('disabled key')
  const kind = r.text('kind')
  if (!Object.hasOwn(disabledKinds, kind)) throw r.fail('kind is not known')
  const kept = {
    kind: kind as Kept['kind'],
    id: r.bytes('id'),
    at: r.time('at'),
    reason: r.text('reason'),
    number: r.uint('number'),
  }
  r.end()
  return kept
}

function fileOf({ kind, id }: DisabledKey): string {
  return `disabled/${kind}-${encodeHex(id).toLowerCase()}`
}

function documentFile(number: number): string {
  return `${documents}${String(number).padStart(8, '0')}`
}

const documents = 'disablings/'
const format = 'sealwright disabled key'
