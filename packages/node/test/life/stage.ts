import { decodeHex } from '@sealwright/core/bytes'
import { dataTags, type PersonalizationState, personalizationStates } from '@sealwright/core/catalog'
import { parseChipStatus } from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'
import { plain } from '@sealwright/roles/channel'
import type { ProductName } from '@sealwright/roles/issuer'
import type { Life } from './life.ts'

/** One step of a life, done by the verbs of the roles. */
export interface Stage {
  readonly name: string
  /** The chip whose memory it changes; absent: it changes none. */
  readonly chip?: ProductName
  /** False: `npm run fault` leaves it out unless it is named: another chip does the same, or nothing is written. */
  readonly faults?: false
  /** `npm run fault -- --all` also cuts the start after each cut: steps where a mode, a key or a program comes in one stroke. */
  readonly restarts?: true
  run(life: Life): Promise<void>
  /** Throws unless the step has reached its end. Writes nothing. */
  check?(life: Life): Promise<void>
}

export const serials = {
  cash: decodeHex('0000000000000101'),
  loader: decodeHex('0000000000000102'),
  terminal: decodeHex('0000000000000103'),
  phone: decodeHex('0000000000000104'),
  sam: decodeHex('0000000000000105'),
  'signing-card': decodeHex('0000000000000106'),
} as const satisfies Record<ProductName, Uint8Array>

export async function statusOf(life: Life, chip: ProductName) {
  return parseChipStatus(await plain(life.module(chip)).send('CHIP STATUS'))
}

export async function requireMode(life: Life, chip: ProductName, expected: string): Promise<void> {
  const { mode } = await statusOf(life, chip)
  if (mode !== expected) throw new StateError(`mode ${mode}, expected ${expected}`)
}

export async function requireState(
  life: Life,
  chip: ProductName,
  expected: PersonalizationState,
): Promise<void> {
  const answer = await readTag(life, chip, dataTags.state)
  if (answer[1] !== personalizationStates[expected].code) throw new StateError(`not ${expected}`)
}

export function readTag(life: Life, chip: ProductName, tag: number): Promise<Uint8Array> {
  return plain(life.module(chip)).send('GET DATA', { p1: tag >> 8, p2: tag & 0xff })
}
