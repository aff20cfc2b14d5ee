import { Reader, Writer } from '@sealwright/core/bytes'
import { checkTries } from '@sealwright/core/catalog'
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
  /** Messages whose CAS failed. */
  readonly failures: number
}

type Needs = Pick<Parts, 'ram' | 'nvm' | 'objects'>

const ramName = 'R of the key download'
const heldId = 1

/** The one R outstanding; a volatile one stands before a held one. */
export function readRandom({ ram, objects }: Needs): OutstandingRandom | undefined {
  const volatile = ram.view(ramName)
  const bytes = volatile ?? objects.read('nonce', heldId)
  if (bytes === undefined) return undefined
  const r = new Reader(bytes, 'outstanding R')
  return {
    random: r.take(16, 'R'),
    source: r.u32('REF1'),
    destination: r.u32('REF2'),
    replaceOnly: r.u8('mode') === 1,
    failures: r.u8('failures'),
    held: volatile === undefined,
  }
}

/** Keeps R in the place of any other. */
export function keepRandom({ ram, nvm, objects }: Needs, outstanding: OutstandingRandom): void {
  const { random, source, destination, replaceOnly, failures, held } = outstanding
  const bytes = new Writer()
    .bytes(random)
    .u32(source)
    .u32(destination)
    .u8(replaceOnly ? 1 : 0)
    .u8(failures)
    .finish()
  ram.release(ramName)
  if (held) {
    nvm.transaction((tx) => objects.put(tx, 'nonce', heldId, bytes))
    return
  }
  if (objects.find('nonce', heldId) !== undefined)
    nvm.transaction((tx) => objects.remove(tx, 'nonce', heldId))
  ram.allocate(ramName, bytes.length).set(bytes)
}

/** Counts a failed CAS, before the answer leaves; the last one takes R away. */
export function countFailure(parts: Needs, outstanding: OutstandingRandom): void {
  if (outstanding.failures + 1 >= checkTries) {
    useUp(parts)
  } else {
    keepRandom(parts, { ...outstanding, failures: outstanding.failures + 1 })
  }
}

/** R is gone, whatever comes of the message. Inside a transaction, with what the message stored. */
export function useUp(
  { ram, nvm, objects }: Needs,
  tx?: Parameters<Parameters<Parts['nvm']['transaction']>[0]>[0],
): void {
  ram.release(ramName)
  if (objects.find('nonce', heldId) === undefined) return
  if (tx !== undefined) objects.remove(tx, 'nonce', heldId)
  else nvm.transaction((own) => objects.remove(own, 'nonce', heldId))
}
