import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { initWorkspace } from '@sealwright/node/workspace'
import { enrollAll } from '../commands/init.ts'
import type { Scene, Stage } from './stage.ts'
import { DemoWorld, type StageTraffic } from './world.ts'

/** One line of `demo --json`. */
export interface StageResult extends StageTraffic {
  readonly stage: string
  /** The chip file that the stage is about; null where it is about none. */
  readonly module: string | null
  readonly ok: boolean
  readonly ms: number
}

export interface DemoOptions {
  /** An empty or new folder. */
  readonly folder: string
  readonly scenes: readonly Scene[]
  readonly app?: Uint8Array
  /** How wide a line that a stage returns may be. */
  readonly columns: number
  /** Called before a scene and after each of its stages, so that the story can be read as it runs. */
  onScene(scene: Scene): void
  onStage(stage: Stage, result: StageResult, lines: readonly string[]): void
}

export interface DemoResult {
  readonly stages: readonly StageResult[]
  readonly ms: number
  /** What the last stage threw; undefined when all stages did what they say. */
  readonly failure: unknown
}

/** Runs the scenes in order in a workspace of their own; stops at the first stage that did not do what it says. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const begun = performance.now()
  const command = 'sealwright demo'
  const workspace = await initWorkspace(options.folder, { command }, undefined, (made) =>
    enrollAll(made, command),
  )
  const world = new DemoWorld(workspace, options.app, options.columns)
  const stages: StageResult[] = []
  try {
    for (const scene of options.scenes) {
      options.onScene(scene)
      for (const stage of scene.stages) {
        const { result, lines, failure } = await runStage(stage, world)
        stages.push(result)
        options.onStage(stage, result, lines)
        // Stages wait for nothing: without a turn of the event loop a signal would not be heard before the end.
        await setImmediate()
        if (!result.ok) return { stages, ms: elapsed(begun), failure }
      }
    }
    return { stages, ms: elapsed(begun), failure: undefined }
  } finally {
    await world.close()
  }
}

async function runStage(stage: Stage, world: DemoWorld) {
  const begun = performance.now()
  let lines: readonly string[] = []
  let failure: unknown
  let ok = false
  try {
    lines = await stage.run(world)
    ok = true
  } catch (error) {
    failure = error
  }
  const traffic = await world.endStage()
  const { name, module = null } = stage
  const result: StageResult = { stage: name, module, ok, ms: elapsed(begun), ...traffic }
  return { result, lines, failure }
}

function elapsed(begun: number): number {
  return Math.round(10 * (performance.now() - begun)) / 10
}
