import { encodeHex } from '@sealwright/core/bytes'
import { type ObjectKind, Objects, openNvm } from '../eeprom/index.ts'
import { areaOf, type Geometry, geometryFor, type Medium, RamMedium } from '../medium/index.ts'
import type { OtpBit } from '../otp/index.ts'
import type { Scenario } from './power-cut.ts'

export interface ObjectChange {
  readonly kind: ObjectKind
  readonly id: number
  /** Absent: remove. */
  readonly bytes: Uint8Array | undefined
}

/** One transaction over objects and an OTP bit, from the state that another transaction left: a scenario of the memory alone. */
export function objectScenario(
  name: string,
  before: readonly ObjectChange[],
  after: readonly ObjectChange[],
  bit?: OtpBit,
  geometry: Geometry = geometryFor(32 * 1024),
): Scenario {
  const old = new RamMedium(geometry)
  apply(old, before)
  const next = old.clone()
  apply(next, after, bit)
  const [oldState, newState] = [stateOf(old), stateOf(next)]
  return {
    name,
    prepare: () => old.snapshot(),
    run: (medium) => apply(medium, after, bit),
    check: (medium) => {
      const state = stateOf(medium)
      if (state === newState) return 'new'
      if (state === oldState) return 'old'
      throw new Error(`neither the old state nor the new:\n${state}`)
    },
    repeatable: true,
  }
}

function apply(medium: Medium, changes: readonly ObjectChange[], bit?: OtpBit): void {
  const objects = new Objects(openNvm(medium))
  objects.nvm.transaction((tx) => {
    for (const { kind, id, bytes } of changes) {
      if (bytes === undefined) objects.remove(tx, kind, id)
      else objects.put(tx, kind, id, bytes)
    }
    if (bit !== undefined) tx.setOtp(bit)
  })
}

/** Content after a start. Not the addresses: a change made twice may put an object elsewhere. */
function stateOf(medium: Medium): string {
  const nvm = openNvm(medium)
  const objects = new Objects(nvm)
  const { first, pages } = areaOf(medium.geometry, 'journal')
  for (let page = first; page < first + pages; page++) {
    for (const byte of medium.read(page))
      if (byte !== 0) throw new Error('the journal is not empty after a start')
  }
  const lines = objects.list().map(({ kind, id }) => `${kind} ${id} ${encodeHex(objects.read(kind, id)!)}`)
  return [encodeHex(nvm.otp.dump()), ...lines].join('\n')
}
