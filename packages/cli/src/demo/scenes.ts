import { cashMachine } from './cash-machine.ts'
import { factory } from './factory.ts'
import { fillingStation } from './filling-station.ts'
import { network } from './network.ts'
import { record } from './record.ts'
import type { Scene } from './stage.ts'
import { telephone } from './telephone.ts'

/** The story in its order: one module's whole life, and what is left of it for a stranger to check. */
export const scenes: readonly Scene[] = [network, factory, cashMachine, fillingStation, telephone, record]
