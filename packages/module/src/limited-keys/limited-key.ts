import { Reader, Writer } from '@sealwright/core/bytes'
import { kcvCmac } from '@sealwright/core/crypto'
import type { KeyLimits, LimitedKeyStatus } from '@sealwright/core/limited-keys'
import type { AesKey } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { readTime, timeOf, writeTime } from '../personalization/index.ts'

/** What is kept beside a limited key: its limits, and how far it has come. FFFFFFFF: no such limit. */
export interface LimitedKey {
  readonly notAfter: number
  readonly usesLeft: number
  /** Uses that each newer time gives, and what is left of them. */
  readonly unheard: number
  readonly unheardLeft: number
  /** Numbers of the last message that was sent and of the last one that was taken. */
  readonly sent: number
  readonly received: number
}

type Needs = Pick<Parts, 'objects' | 'keys' | 'nvm'>

const none = 0xffff_ffff

/** Stores a key with its limits in the place of the one before. */
export function putLimitedKey(
  { objects, keys }: Pick<Needs, 'objects' | 'keys'>,
  tx: Transaction,
  { place, key, limits }: { readonly place: number; readonly key: Uint8Array; readonly limits: KeyLimits },
): void {
  const { notAfter = none, uses = none, usesUnheard = none } = limits
  keys.putAes(tx, place, key)
  write({ objects }, tx, place, {
    ...{ notAfter, usesLeft: uses, unheard: usesUnheard, unheardLeft: usesUnheard, sent: 0, received: 0 },
  })
}

export function isLimited({ objects }: Pick<Needs, 'objects'>, place: number): boolean {
  return objects.has('key-limit', place)
}

/** Takes a limited key away with its limits. */
export function removeLimitedKey(
  { objects, keys }: Pick<Needs, 'objects' | 'keys'>,
  tx: Transaction,
  place: number,
): void {
  keys.remove(tx, place)
  objects.remove(tx, 'key-limit', place)
}

/** Every limited key, for who looks. */
export function limitedKeys({ objects, keys }: Pick<Needs, 'objects' | 'keys'>): LimitedKeyStatus[] {
  return objects.list('key-limit').map(({ id: place }) => {
    const { notAfter, usesLeft, unheardLeft } = read({ objects }, place)!
    return { place, checkValue: kcvCmac(keys.aes(place)), notAfter, usesLeft, unheardLeft }
  })
}

/** Keeps the central system's time, erases the keys whose last second is over, and gives the others their uses of a newer time. */
export function hearTime(
  { objects, keys }: Pick<Needs, 'objects' | 'keys'>,
  tx: Transaction,
  time: number,
): void {
  const newer = time > (readTime(objects, timeOf.central) ?? -1)
  writeTime(tx, objects, timeOf.central, time)
  for (const { id: place } of objects.list('key-limit')) {
    const limited = read({ objects }, place)!
    if (isOver(limited, time)) removeLimitedKey({ objects, keys }, tx, place)
    else if (newer) write({ objects }, tx, place, { ...limited, unheardLeft: limited.unheard })
  }
}

/** One use of a limited key. The caller disposes of the handle. */
export interface CountedUse {
  readonly key: AesKey
  /** Number of the message that it protects, where it protects one. */
  readonly number: number
  /** What was kept of the key before this use. */
  readonly limited: LimitedKey
}

/**
 * Counts a use, before anything is computed with the key: a power cut gives none back. The last one takes the key out of the memory.
 * @param sends whether a message of the module is protected, for which the module must have heard a time lately enough
 */
export function countUse({ objects, keys, nvm }: Needs, place: number, sends: boolean): CountedUse {
  const limited = read({ objects }, place)
  if (limited === undefined || !keys.has(place)) throw new Refusal('reference-not-found')
  if (sends && limited.unheardLeft === 0) throw new Refusal('conditions-not-satisfied')
  const usesLeft = less(limited.usesLeft)
  const number = limited.sent + 1
  const key = keys.ownAes(place)
  try {
    nvm.transaction((tx) => {
      if (usesLeft === 0) removeLimitedKey({ objects, keys }, tx, place)
      else {
        const unheardLeft = sends ? less(limited.unheardLeft) : limited.unheardLeft
        write({ objects }, tx, place, {
          ...limited,
          ...{ usesLeft, unheardLeft, sent: sends ? number : limited.sent },
        })
      }
    })
  } catch (error) {
    key[Symbol.dispose]()
    throw error
  }
  return { key, number, limited }
}

/**
 * A message of the central system whose MAC holds under the key: its number must be higher than that of the last one, and its time not
 * behind what was heard. A time behind the key's last second ends the key, and the message does not count. What is told here counts for
 * this key alone.
 * @param limited as `countUse` found it
 */
export function takeMessage(
  { objects, keys, nvm }: Needs,
  place: number,
  limited: LimitedKey,
  { number, time }: { readonly number: number; readonly time: number },
): void {
  const left = read({ objects }, place)
  if (isOver(limited, time)) {
    if (left !== undefined) nvm.transaction((tx) => removeLimitedKey({ objects, keys }, tx, place))
    throw new Refusal('conditions-not-satisfied')
  }
  if (number <= limited.received || time < (readTime(objects, timeOf.central) ?? 0)) {
    throw new Refusal('already-there')
  }
  if (left === undefined) return
  nvm.transaction((tx) =>
    write({ objects }, tx, place, { ...left, received: number, unheardLeft: left.unheard }),
  )
}

function isOver({ notAfter }: LimitedKey, time: number): boolean {
  return notAfter !== none && time > notAfter
}

function less(left: number): number {
  return left === none ? none : left - 1
}

function read({ objects }: Pick<Needs, 'objects'>, place: number): LimitedKey | undefined {
  const bytes = objects.read('key-limit', place)
  if (bytes === undefined) return undefined
  const r = new Reader(bytes, 'limited key')
  const limited = {
    notAfter: r.u32('last second'),
    usesLeft: r.u32('uses left'),
    unheard: r.u32('uses without newer time'),
    unheardLeft: r.u32('uses left without newer time'),
    sent: r.u32('messages sent'),
    received: r.u32('last message taken'),
  }
  r.end()
  return limited
}

function write(
  { objects }: Pick<Needs, 'objects'>,
  tx: Transaction,
  place: number,
  { notAfter, usesLeft, unheard, unheardLeft, sent, received }: LimitedKey,
): void {
  const w = new Writer().u32(notAfter).u32(usesLeft).u32(unheard).u32(unheardLeft).u32(sent).u32(received)
  objects.put(tx, 'key-limit', place, w.finish())
}
