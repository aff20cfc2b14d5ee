import { parseMaskFile, serializeDeliveryNote } from '@sealwright/core/customization'
import type { ChipFactory, PartyPorts } from '../ports/index.ts'

export interface ProduceInput {
  /** The mask file from the issuer. */
  readonly mask: Uint8Array
  readonly factory: ChipFactory
  /** One name for each chip. */
  readonly names: readonly string[]
}

export interface Produced {
  readonly made: readonly string[]
  /** Chips of these names were there already and stayed as they are. */
  readonly kept: readonly string[]
  /** The file that goes with the chips to the mounter. */
  readonly deliveryNote: Uint8Array
}

/** Makes chips from a mask, which is all that the manufacturer has of the client's software. */
export async function produce(ports: PartyPorts, input: ProduceInput): Promise<Produced> {
  const { factory, names } = input
  const mask = parseMaskFile(input.mask)
  const digests = factory.digests(mask)
  const made: string[] = []
  const kept: string[] = []
  for (const [i, name] of names.entries()) {
    ports.progress(`chip ${i + 1} of ${names.length}: ${name}`)
    const target = (await factory.make(name, mask)) ? made : kept
    target.push(name)
  }
  return { made, kept, deliveryNote: serializeDeliveryNote({ version: 1, ...digests }) }
}
