import { nodeCrypto } from '@sealwright/node/crypto'
import { inProcess } from '@sealwright/node/transport'
import { personalize } from '@sealwright/roles/unit'
import { serials } from '../../packages/node/test/life/stage.ts'
import { lineClock } from './line-clock.ts'
import { lifeUpTo, powered } from './lives.ts'

/** What one unit's step is on a serial line. */
export interface LineTime {
  readonly name: string
  readonly apdus: number
  readonly bytes: number
  /** Seconds for the bytes alone, by speed in baud. */
  readonly seconds: Readonly<Record<number, number>>
}

export const speeds = [9600, 115_200] as const

/** A personalization on the desk: its bytes with T=1, and what they take at usual speeds. */
export async function measureLineTime(): Promise<LineTime> {
  const chip = 'terminal'
  const life = await lifeUpTo(nodeCrypto, `personalize ${chip}`)
  const own = life.clone()
  const clock = lineClock(inProcess(powered(own, chip)))
  await personalize(await own.party('unit'), clock, {
    serial: serials[chip],
    unit: life.file('unit'),
    root: life.file('root'),
    central: life.file('central'),
    centralFingerprint: life.file('central.fingerprint'),
  })
  const seconds = Object.fromEntries(speeds.map((baud) => [baud, clock.ms(baud) / 1000]))
  return { name: 'personalization on a serial line', apdus: clock.apdus, bytes: clock.bytes, seconds }
}
