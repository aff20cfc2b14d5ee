import { performance } from 'node:perf_hooks'
import { SealwrightError } from '@sealwright/core/errors'
import { initWorkspace } from '@sealwright/node/workspace'
import { enrollAll } from '../commands/init.ts'
import type { Scene, Stage } from './stage.ts'
import { DemoWorld, type StageTraffic } from './world.ts'

/** One line of `demo --json`. */
export interface StageResult extends StageTraffic {
  readonly stage: string
  readonly module: string | undefined
  readonly ok: boolean
  readonly ms: number
}

export interface DemoOptions {
  /** An empty or new folder. */
  readonly folder: string
  readonly scenes: readonly Scene[]
  readonly app?: Uint8Array
  /** Called before a scene and after each of its stages, so that the story can be read as it runs. */
  onScene(scene: Scene): void
  onStage(stage: Stage, result: StageResult, lines: readonly string[], error: unknown): void
}

export interface DemoResult {
  readonly ok: boolean
  readonly stages: readonly StageResult[]
  readonly ms: number
}

/** Runs the scenes in order in a workspace of their own; stops at the first stage that did not do what it says. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const begun = performance.now()
  const workspace = await initWorkspace(options.folder, { command: 'sealwright demo' })
  await enrollAll(workspace, 'sealwright demo')
  const world = new DemoWorld(workspace, options.app)
  const stages: StageResult[] = []
  try {
    for (const scene of options.scenes) {
      options.onScene(scene)
      for (const stage of scene.stages) {
        const result = await runStage(stage, world, options)
        stages.push(result)
        if (!result.ok) return { ok: false, stages, ms: elapsed(begun) }
      }
    }
    return { ok: true, stages, ms: elapsed(begun) }
  } finally {
    await world.close()
  }
}

async function runStage(stage: Stage, world: DemoWorld, { onStage }: DemoOptions): Promise<StageResult> {
  const begun = performance.now()
  let lines: readonly string[] = []
  let failure: unknown
  try {
    lines = await stage.run(world)
  } catch (error) {
    failure = error
  }
  const traffic = await world.endStage()
  const ok = failure === undefined
  const result = { stage: stage.name, module: stage.module, ok, ms: elapsed(begun), ...traffic }
  onStage(stage, result, lines, failure)
  if (failure !== undefined && !(failure instanceof SealwrightError)) throw failure
  return result
}

function elapsed(begun: number): number {
  return Math.round(10 * (performance.now() - begun)) / 10
}
