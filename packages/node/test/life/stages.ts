import type { ProductName } from '@sealwright/roles/issuer'
import { factoryStages, maskStage, produceStage } from './factory-stages.ts'
import { keyDownloadStages } from './key-download-stages.ts'
import { certifyUnitStage, personalizeStage, sessionStage } from './personalization-stages.ts'
import { partiesStage, resourceStages } from './resource-stages.ts'
import type { Stage } from './stage.ts'

const chips: readonly ProductName[] = ['cash', 'loader', 'terminal', 'phone']

/** The whole life in its order: factory, cash machine, filling station, telephone. */
export const stages: readonly Stage[] = [
  maskStage,
  produceStage(chips),
  partiesStage,
  ...chips.flatMap(factoryStages),
  certifyUnitStage,
  ...chips.filter((chip) => chip !== 'loader').map(personalizeStage),
  sessionStage,
  ...keyDownloadStages,
  ...resourceStages,
]
