import { allZero } from '@sealwright/core/bytes'
import { type Geometry, RamSlots, type Slots } from '@sealwright/module/medium'
import { sealedSlotLength, slotCount } from '@sealwright/module/seal'
import type { ChipHeader } from './chip-header.ts'
import { fileLength, headerLength, serializeHeader } from './chip-header.ts'
import { type Files, writeDraft } from './files.ts'

/** Writes a whole chip file beside its place: `path`.new, sparse, durable, 0600. The caller renames or links it. */
export function writeChipDraft(path: string, header: ChipHeader, slots: Slots, files: Files): string {
  const draft = `${path}.new`
  writeDraft(files, draft, fileLength(header.geometry), [
    { at: 0, bytes: serializeHeader(header) },
    ...writtenRuns(slots),
  ])
  return draft
}

/** The slots that hold something, neighbours in one piece. */
function* writtenRuns(slots: Slots): Generator<{ at: number; bytes: Uint8Array }> {
  const { count, length } = slots
  for (let first = 0; first < count; first++) {
    if (allZero(slots.lend(first))) continue
    let end = first + 1
    while (end < count && !allZero(slots.lend(end))) end++
    const bytes = new Uint8Array((end - first) * length)
    for (let slot = first; slot < end; slot++) bytes.set(slots.lend(slot), (slot - first) * length)
    yield { at: headerLength + first * length, bytes }
    first = end
  }
}

/** The slots in the bytes of a whole chip file. */
export function ramSlotsOf(bytes: Uint8Array, geometry: Geometry): RamSlots {
  const slots = new RamSlots(slotCount(geometry), sealedSlotLength)
  for (let slot = 0; slot < slots.count; slot++) {
    const at = headerLength + slot * sealedSlotLength
    const content = bytes.subarray(at, at + sealedSlotLength)
    if (!allZero(content)) slots.program(slot, content)
  }
  return slots
}
