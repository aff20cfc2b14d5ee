import { type AreaName, areaNames } from '@sealwright/module/medium'
import type { MemoryMap } from './memory-map.ts'

/** What a number of writes is drawn as: 0 for none, then a step more for each doubling or so, up to 9. */
export function heatOf(writes: number): number {
  if (writes <= 0) return 0
  const step = heatSteps.findIndex((most) => writes <= most)
  return step < 0 ? heatSteps.length + 1 : step + 1
}

/** The most writes of the steps 1 to 8; step 9 is all above. */
export const heatSteps = [1, 2, 4, 8, 16, 64, 256, 1024] as const

/** `3–4`: the writes that a step stands for. */
export function heatRange(step: number): string {
  if (step === 0) return '0'
  const most = heatSteps[step - 1]
  const least = (heatSteps[step - 2] ?? 0) + 1
  if (most === undefined) return `${least}+`
  return most === least ? `${most}` : `${least}–${most}`
}

export interface WrittenPage {
  readonly area: AreaName
  /** From the area's first. */
  readonly page: number
  readonly writes: number
}

/** The pages that were written most often, the first ones of equals. */
export function mostWritten(writes: NonNullable<MemoryMap['writes']>, count: number): WrittenPage[] {
  return areaNames
    .flatMap((area) => writes[area].map((times, page): WrittenPage => ({ area, page, writes: times })))
    .filter((one) => one.writes > 0)
    .sort((a, b) => b.writes - a.writes)
    .slice(0, count)
}

export interface AreaWrites {
  readonly area: AreaName
  readonly pages: number
  readonly written: number
  readonly writes: number
}

export function areaWrites(writes: NonNullable<MemoryMap['writes']>): AreaWrites[] {
  return areaNames.map((area) => ({
    area,
    pages: writes[area].length,
    written: writes[area].filter((times) => times > 0).length,
    writes: writes[area].reduce((sum, times) => sum + times, 0),
  }))
}
