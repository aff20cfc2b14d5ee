import { type LotOrder, lotChip, type NotedChip, serializeLotNote } from '@sealwright/core/customization'
import type { ChipFactory, PartyPorts } from '../ports/index.ts'
import type { Produced } from './produce.ts'

export interface ProduceLotInput {
  /** The order from the issuer. */
  readonly order: LotOrder
  readonly factory: ChipFactory
  /** What each chip is called, for the first chips of the order or all. */
  readonly names: readonly LotChipName[]
}

export interface LotChipName {
  /** What the factory calls it: a path. */
  readonly name: string
  /** What the delivery note calls it. */
  readonly noted: string
}

/** Makes the chips of a lot from its order, each with the image that is its own. */
export async function produceLot(
  ports: PartyPorts,
  { order, factory, names }: ProduceLotInput,
): Promise<Produced> {
  const { crypto } = ports
  const made: string[] = []
  const kept: string[] = []
  const chips: NotedChip[] = []
  for (const [i, { name, noted }] of names.entries()) {
    const { mask, image } = lotChip(order, i + 1)
    const target = (await factory.make(name, mask)) ? made : kept
    target.push(name)
    chips.push({ number: i + 1, name: noted, imageDigest: crypto.sha256(image) })
    if ((i + 1) % progressStep === 0) ports.progress(`chip ${i + 1} of ${names.length}`)
  }
  const { lot, kind } = order
  const romDigest = crypto.sha256(order.mask.rom)
  return { made, kept, deliveryNote: serializeLotNote({ version: 1, lot, kind, romDigest, chips }) }
}

const progressStep = 100
