import type { ProductName } from '@sealwright/roles/issuer'
import { factoryStages, maskStage, produceStage } from './factory-stages.ts'
import { keyDownloadStages } from './key-download-stages.ts'
import { laterCustomizeStage, samStage } from './later-stages.ts'
import {
  certifyUnitStage,
  depersonalizeStage,
  personalizeStage,
  sessionStage,
} from './personalization-stages.ts'
import { partiesStage, resourceStages } from './resource-stages.ts'
import type { Stage } from './stage.ts'

const chips: readonly ProductName[] = ['sam', 'cash', 'loader', 'terminal', 'phone']

/** The whole life in its order: SAM, factory, cash machine, filling station, telephone; a cash machine that is changed in user mode; and the end of the terminal's work. */
export const stages: readonly Stage[] = [
  maskStage,
  produceStage(chips),
  partiesStage,
  ...factoryStages('sam'),
  samStage,
  ...chips.filter((chip) => chip !== 'sam').flatMap(factoryStages),
  certifyUnitStage,
  ...chips.filter((chip) => chip !== 'loader' && chip !== 'sam').map(personalizeStage),
  sessionStage,
  ...keyDownloadStages,
  ...resourceStages,
  laterCustomizeStage,
  depersonalizeStage,
]
