import { Reader, Writer } from '@sealwright/core/bytes'
import { checkTries } from '@sealwright/core/catalog'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

/** R as PREPARE made it, with what it was made for. */
export interface OutstandingRandom {
  readonly random: Uint8Array
  readonly source: number
  readonly destination: number
  /** Only a key that is there may be replaced. */
  readonly replaceOnly: boolean
  /** Held in EEPROM, or in volatile memory. */
  readonly held: boolean
  /** Messages that were checked against it. */
  readonly tries: number
}

type Needs = Pick<Parts, 'ram' | 'nvm' | 'objects'>

const ramName = 'R of the key download'
const heldId = 1

/** The one R outstanding. */
export function readRandom({ ram, objects }: Pick<Needs, 'ram' | 'objects'>): OutstandingRandom | undefined {
  const volatile = ram.view(ramName)
  const bytes = volatile ?? objects.read('nonce', heldId)
  if (bytes === undefined) return undefined
  const r = new Reader(bytes, 'outstanding R')
  const outstanding = {
    random: r.take(16, 'R'),
    source: r.u32('REF1'),
    destination: r.u32('REF2'),
    replaceOnly: r.u8('mode') === 1,
    tries: r.u8('tries'),
    held: volatile === undefined,
  }
  r.end()
  return outstanding
}

/** Keeps R in the place of any other. */
export function keepRandom(parts: Needs, outstanding: OutstandingRandom): void {
  const { ram, nvm, objects } = parts
  const bytes = serialize(outstanding)
  if (outstanding.held) {
    ram.release(ramName)
    nvm.transaction((tx) => objects.put(tx, 'nonce', heldId, bytes))
  } else {
    useUp(parts)
    ram.allocate(ramName, bytes.length).set(bytes)
  }
}

/**
 * Counts the check of a message, before it is checked, so that a power cut does not give the try back. After `checkTries` of them R is
 * gone and the message refused.
 */
export function countTry(parts: Needs, outstanding: OutstandingRandom): void {
  if (outstanding.tries >= checkTries) {
    useUp(parts)
    throw new Refusal('conditions-not-satisfied')
  }
  const bytes = serialize({ ...outstanding, tries: outstanding.tries + 1 })
  if (outstanding.held) parts.nvm.transaction((tx) => parts.objects.put(tx, 'nonce', heldId, bytes))
  else parts.ram.view(ramName)?.set(bytes)
}

/** R is gone, whatever comes of the message. Inside a transaction, with what the message stored. */
export function useUp({ ram, nvm, objects }: Needs, tx?: Transaction): void {
  ram.release(ramName)
  if (objects.find('nonce', heldId) === undefined) return
  if (tx !== undefined) objects.remove(tx, 'nonce', heldId)
  else nvm.transaction((own) => objects.remove(own, 'nonce', heldId))
}

function serialize({ random, source, destination, replaceOnly, tries }: OutstandingRandom): Uint8Array {
  return new Writer()
    .bytes(random)
    .u32(source)
    .u32(destination)
    .u8(replaceOnly ? 1 : 0)
    .u8(tries)
    .finish()
}
