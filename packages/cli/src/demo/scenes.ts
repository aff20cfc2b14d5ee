import { cashMachine } from './cash-machine.ts'
import { factory } from './factory.ts'
import { fillingStation } from './filling-station.ts'
import { network } from './network.ts'
import { record } from './record.ts'
import type { Scene } from './stage.ts'
import { telephone, telephoneWith } from './telephone.ts'

/** The story in its order: one module's whole life, and what is left of it for a stranger to check. */
export const scenes: readonly Scene[] = [network, factory, cashMachine, fillingStation, telephone, record]

/** The story with the user's own program, typed as `file` inside the workspace, in the place of the bank's. */
export function scenesWith(file: string): readonly Scene[] {
  return scenes.map((scene) => (scene === telephone ? telephoneWith(file) : scene))
}
