import { commands } from '@sealwright/core/catalog'
import { answeringProgram } from '@sealwright/module/testing'
import { readPrograms } from '../../packages/node/test/life/programs.ts'
import { recordCard } from './card-recording.ts'
import { customizedChips, plainChips, recordedChips } from './chips.ts'
import { recordClients } from './client-recording.ts'
import { readDictionary } from './dictionary.ts'
import { type DispatcherInput, dispatcherTarget } from './dispatcher-target.ts'
import { livedResource, recordLife } from './life-recording.ts'
import { managementSeeds, tokenSeeds } from './management-seeds.ts'
import { allReadings, type ParserInput, parserTarget } from './parser-target.ts'
import type { Step } from './step.ts'
import type { Target } from './target.ts'
import { vectorSeeds } from './vector-seeds.ts'

export const targetNames = ['dispatcher', 'parser'] as const
export type TargetName = (typeof targetNames)[number]

/** One of so many workers, each with its part of the parsers and chips. */
export interface Share {
  readonly index: number
  readonly of: number
}

export interface Targets {
  readonly parser: Target<ParserInput>
  readonly dispatcher: Target<DispatcherInput>
}

/** What this repository has to be fuzzed, seeded with its vectors, the life of four chips, and what other clients sent. */
export async function makeTargets(share: Share = { index: 0, of: 1 }): Promise<Targets> {
  const life = await recordLife()
  const mine = <T>(all: readonly T[]): T[] => all.filter((_, i) => i % share.of === share.index)
  const clients = await recordClients()
  const card = await recordCard()
  const recorded = [...life.recorded, ...clients.recorded, ...card.recorded]
  const plain = plainChips()
  const management = managementSeeds()
  const transcripts = new Map<string, readonly (readonly Step[])[]>([
    ...recorded.map(({ name, steps }) => [name, [steps, ...withTokens(steps)]] as const),
    ...plain.map(({ name }) => [name, management] as const),
  ])
  const chips = [...recordedChips(recorded), ...plain, ...customizedChips()]
  const programs = [...Object.values(readPrograms()), answeringProgram('seed')]
  const blobs = [...vectorSeeds(), ...life.blobs, ...clients.blobs, ...card.blobs, ...programs]
  return {
    parser: parserTarget(mine(allReadings()), blobs),
    dispatcher: dispatcherTarget(mine(chips), transcripts, readDictionary()),
  }
}

/** What an operator ordered, ordered with GlobalPlatform's commands instead. */
function withTokens(steps: readonly Step[]): Step[][] {
  const documents = steps.filter((step) => step.kind === 'command' && step.ins === commands.OPERATE.ins)
  return documents.flatMap((step) => ('data' in step ? tokenSeeds(step.data, livedResource) : []))
}
