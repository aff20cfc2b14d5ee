import { encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { documentKeyId } from '@sealwright/core/cbor'
import { PeerError, StateError, UsageError } from '@sealwright/core/errors'
import {
  type Matter,
  openPinReset,
  type PinReset,
  sameMatter,
  serializePinResetRequest,
} from '@sealwright/core/people'
import type { KeyVault, PartyPorts } from '../ports/index.ts'
import { mostTries, type PinHolder, parsePinHolder, requirePin, serializePinHolder } from './holder.ts'
import { type PinRequest, parsePinRequest, serializePinRequest } from './pin-request.ts'
import { type PinRules, parsePinRules, serializePinRules } from './pin-rules.ts'
import { type PinCost, type SlowHash, usualPinCost } from './slow-hash.ts'

/**
 * Two people at one machine (R9c, B17): each has a PIN; what one asks for, the other confirms in another session, and only then the key signs, once.
 * It is this program that asks. Whoever controls the machine signs without, and whoever puts its files back has all tries again. Approvals by
 * documents are stronger: each person signs with a device of its own, and a signing card checks both by itself.
 */
export const twoPinsLabel =
  'two PINs on one machine: nothing but this program asks for them; approvals that two people sign with devices of their own are stronger, and a signing card enforces those'

/** How long a request waits for its confirmation, and a confirmation for its use, in seconds. */
export const pinPatience = 600

export interface TwoPinsWorld {
  readonly ports: PartyPorts
  readonly slowHash: SlowHash
  /** Random number of this process, 16 bytes: requester and confirmer sit in two sessions. */
  readonly session: Uint8Array
  /** Of new PINs; about a quarter of a second unless given. */
  readonly cost?: PinCost
}

/** Whether two PINs guard a key here, and which. */
export async function pinRules({ store }: Pick<PartyPorts, 'store'>): Promise<PinRules | undefined> {
  const bytes = await store.read(rulesFile)
  return bytes && parsePinRules(bytes)
}

/** From now on the key signs only what two people agree to. The rules stay until the party's folder goes. */
export async function beginTwoPins(
  { ports }: Pick<TwoPinsWorld, 'ports'>,
  { key, central }: { readonly key: string; readonly central: Uint8Array },
): Promise<PinRules> {
  const { crypto, entropy, store, vault } = ports
  const known = await pinRules(ports)
  if (known !== undefined) {
    if (known.key === key && equal(known.central, central)) return known
    throw new StateError('two PINs guard a key here already, with another central system', {
      code: 'pins-refused',
    })
  }
  const actor = documentKeyId(await vault.publicPoint(key), crypto)
  const rules: PinRules = { key, actor, central, nonce: entropy.bytes(16) }
  await store.write(rulesFile, serializePinRules(rules))
  return rules
}

/** Gives one of the two persons a PIN. A third person is refused; who is enrolled changes the PIN with `changePin`. */
export async function setPin(world: TwoPinsWorld, id: string, pin: Uint8Array): Promise<void> {
  await requireRules(world)
  requirePin(id, pin)
  const known = await pinHolders(world.ports)
  if (known.some((holder) => holder.id === id)) {
    throw new UsageError(`${id} has a PIN here; it is changed with the old one`)
  }
  if (known.length >= 2) {
    throw new StateError(
      'two people have a PIN here: the central system lets one of them be forgotten first',
      {
        code: 'pins-refused',
      },
    )
  }
  await keepPin(world, id, pin)
}

/** Changes a PIN, with the old one. */
export async function changePin(
  world: TwoPinsWorld,
  id: string,
  { old, fresh }: { readonly old: Uint8Array; readonly fresh: Uint8Array },
): Promise<void> {
  await requireRules(world)
  requirePin(id, fresh)
  await checkPin(world, id, old)
  await keepPin(world, id, fresh)
}

/** Asks for an action with one's PIN; the other person confirms it within `pinPatience`, in another session. */
export async function requestWithPin(
  world: TwoPinsWorld,
  { id, pin, matter }: { readonly id: string; readonly pin: Uint8Array; readonly matter: Matter },
): Promise<PinRequest> {
  await requireRules(world)
  await checkPin(world, id, pin)
  const { clock, entropy } = world.ports
  const request: PinRequest = {
    nonce: entropy.bytes(16),
    matter,
    requester: id,
    at: clock.now(),
    session: world.session,
  }
  await writeRequest(world.ports, request)
  return request
}

/** A request that waits for its confirmation; StateError `pins-refused` when it does not. For showing it before the PIN is asked for. */
export async function waitingRequest(ports: PartyPorts, nonce: Uint8Array): Promise<PinRequest> {
  const request = await readRequest(ports, nonce)
  if (request === undefined) throw refused('there is no such request here')
  if (request.usedAt !== undefined) throw refused('the request was used up')
  if (request.confirmed !== undefined) throw refused('the request was confirmed')
  requireFresh(ports, request.at, 'the request')
  return request
}

/** The other person agrees to a request, with a PIN of one's own and in another session. */
export async function confirmWithPin(
  world: TwoPinsWorld,
  { id, pin, nonce }: { readonly id: string; readonly pin: Uint8Array; readonly nonce: Uint8Array },
): Promise<PinRequest> {
  await requireRules(world)
  const request = await waitingRequest(world.ports, nonce)
  if (request.requester === id) throw refused('who asks does not confirm: it takes another person')
  if (equal(request.session, world.session))
    throw refused('the same session asked: confirm it in another one')
  await checkPin(world, id, pin)
  const confirmed = { ...request, confirmed: { by: id, at: world.ports.clock.now() } }
  await writeRequest(world.ports, confirmed)
  return confirmed
}

/** Two people who have agreed to one matter. */
export interface AgreedByPins {
  readonly requester: string
  readonly confirmer: string
}

/**
 * The party's vault. Where two PINs guard a key, it signs only for a matter that two people have agreed to: before its first signature the request is
 * written down as used, and serves no other run. A run that broke off before that finds its request unused. Without rules it is the vault as it is.
 * @param matter what this run is for; without one a guarded key signs nothing
 * @param agreed is told who agreed, before the first signature
 */
export function guardedVault(
  ports: PartyPorts,
  matter: () => Matter | undefined,
  agreed: (people: AgreedByPins) => void = () => {},
): KeyVault {
  const { vault } = ports
  let opening: Promise<void> | undefined
  return {
    ...vault,
    async sign(name, ...parts) {
      if ((await pinRules(ports))?.key === name) {
        opening ??= useAgreement(ports, matter()).then(agreed)
        await opening
      }
      return vault.sign(name, ...parts)
    },
  }
}

async function useAgreement(ports: PartyPorts, matter: Matter | undefined): Promise<AgreedByPins> {
  const missing = (): StateError =>
    new StateError('this key signs what two people have agreed to with their PINs, and they have not', {
      code: 'pins-missing',
    })
  if (matter === undefined) throw missing()
  const holders = await pinHolders(ports)
  for (const request of await pinRequests(ports)) {
    const { requester, confirmed, usedAt } = request
    if (confirmed === undefined || usedAt !== undefined || !sameMatter(request.matter, matter)) continue
    if (!isFresh(ports, confirmed.at)) continue
    const both = [requester, confirmed.by]
    if (requester === confirmed.by || !both.every((id) => holders.some((holder) => holder.id === id)))
      continue
    await writeRequest(ports, { ...request, usedAt: ports.clock.now() })
    return { requester, confirmer: confirmed.by }
  }
  throw missing()
}

/** What a person asks the central system for, as a file. */
export async function requestPinReset(
  ports: PartyPorts,
  id: string,
  change: PinReset['change'],
): Promise<Uint8Array> {
  const { actor, nonce } = await requireRules({ ports })
  await requireHolder(ports, id)
  return serializePinResetRequest({ id, change, actor, nonce })
}

/** Does what the central system has signed: gives a person all tries again, or forgets one. It counts once. */
export async function resetPin(ports: PartyPorts, document: Uint8Array): Promise<PinReset> {
  const { crypto, entropy, store } = ports
  const rules = await requireRules({ ports })
  const reset = openPinReset(document, rules.central, crypto)
  const refuse = (text: string): PeerError =>
    new PeerError(`the reset does not count: ${text}`, { code: 'not-trusted' })
  if (reset === undefined) throw refuse('the central system has not signed it')
  if (!equal(reset.actor, rules.actor)) throw refuse('it is for another key')
  if (!equal(reset.nonce, rules.nonce)) throw refuse('it was used, or another one was since')
  const holder = await requireHolder(ports, reset.id)
  // The nonce first: a reset that broke off is asked for again; one that counts twice would be worse.
  await store.write(rulesFile, serializePinRules({ ...rules, nonce: entropy.bytes(16) }))
  if (reset.change === 'forget') await store.remove(holderFile(reset.id))
  else await store.write(holderFile(reset.id), serializePinHolder({ ...holder, triesLeft: mostTries }))
  return reset
}

/** Everybody with a PIN here. */
export async function pinHolders({ store }: Pick<PartyPorts, 'store'>): Promise<PinHolder[]> {
  const holders: PinHolder[] = []
  for (const name of await store.list(holdersFolder)) {
    const bytes = await store.read(name)
    if (bytes !== undefined) holders.push(parsePinHolder(bytes))
  }
  return holders
}

/** Every request, in no order. */
export async function pinRequests({ store }: Pick<PartyPorts, 'store'>): Promise<PinRequest[]> {
  const requests: PinRequest[] = []
  for (const name of await store.list(requestsFolder)) {
    const bytes = await store.read(name)
    if (bytes !== undefined) requests.push(parsePinRequest(bytes))
  }
  return requests
}

/**
 * Compares a PIN. The try is counted, and the count on the disk, before anything is computed: whoever cuts the power or kills the process has spent
 * it. StateError `pin-wrong` with the tries that are left, `pin-locked` when there are none.
 */
async function checkPin({ ports, slowHash }: TwoPinsWorld, id: string, pin: Uint8Array): Promise<void> {
  const { store } = ports
  const holder = await requireHolder(ports, id)
  const locked = (): StateError =>
    new StateError(`the PIN of ${id} is locked after ${mostTries} wrong ones`, { code: 'pin-locked' })
  if (holder.triesLeft === 0) throw locked()
  const triesLeft = holder.triesLeft - 1
  await store.write(holderFile(id), serializePinHolder({ ...holder, triesLeft }))
  const found = await slowHash(pin, holder.salt, holder.cost)
  const same = equal(found, holder.verifier)
  wipe(found)
  if (same) {
    await store.write(holderFile(id), serializePinHolder({ ...holder, triesLeft: mostTries }))
    return
  }
  if (triesLeft === 0) throw locked()
  throw new StateError(`the PIN of ${id} is wrong; ${triesLeft} tries are left`, {
    code: 'pin-wrong',
    details: { triesLeft },
  })
}

async function keepPin(world: TwoPinsWorld, id: string, pin: Uint8Array): Promise<void> {
  const { ports, slowHash, cost = usualPinCost } = world
  const salt = ports.entropy.bytes(16)
  const verifier = await slowHash(pin, salt, cost)
  await ports.store.write(
    holderFile(id),
    serializePinHolder({ id, salt, cost, verifier, triesLeft: mostTries }),
  )
  wipe(verifier)
}

async function requireHolder({ store }: Pick<PartyPorts, 'store'>, id: string): Promise<PinHolder> {
  requireTag(id)
  const bytes = await store.read(holderFile(id))
  const holder = bytes && parsePinHolder(bytes)
  // A record under another name would let one person stand for two.
  if (holder?.id === id) return holder
  throw new UsageError(`nobody named ${id} has a PIN here`)
}

async function requireRules({ ports }: Pick<TwoPinsWorld, 'ports'>): Promise<PinRules> {
  const rules = await pinRules(ports)
  if (rules !== undefined) return rules
  throw new StateError('no two PINs guard a key here', { code: 'pins-refused' })
}

function requireTag(id: string): void {
  requirePin(id, new Uint8Array(8))
}

function requireFresh(ports: PartyPorts, at: number, what: string): void {
  if (isFresh(ports, at)) return
  throw refused(`${what} is older than ${pinPatience / 60} minutes, or the clock went back: ask again`)
}

/** Not in the future: a clock that was put back must not make an old agreement young. */
function isFresh({ clock }: PartyPorts, at: number): boolean {
  const now = clock.now()
  return at <= now && now - at <= pinPatience
}

async function readRequest({ store }: PartyPorts, nonce: Uint8Array): Promise<PinRequest | undefined> {
  const bytes = await store.read(requestFile(nonce))
  const request = bytes && parsePinRequest(bytes)
  return request !== undefined && equal(request.nonce, nonce) ? request : undefined
}

async function writeRequest({ store }: PartyPorts, request: PinRequest): Promise<void> {
  await store.write(requestFile(request.nonce), serializePinRequest(request))
}

function refused(text: string): StateError {
  return new StateError(text, { code: 'pins-refused' })
}

const holderFile = (id: string): string => `${holdersFolder}${id}`
const requestFile = (nonce: Uint8Array): string => `${requestsFolder}${encodeHex(nonce).toLowerCase()}`
const folder = 'pins/'
const rulesFile = `${folder}rules`
const holdersFolder = `${folder}holders/`
const requestsFolder = `${folder}requests/`
