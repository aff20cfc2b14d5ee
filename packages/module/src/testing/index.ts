export { cutCommit, cutCommitOf } from './cut-commit.ts'
export { type CutMemory, plainMemory, sealedMemory } from './cut-memory.ts'
export {
  customizedModule,
  type Fixture,
  type FixtureOptions,
  type FixtureParty,
  type FixturePersonalization,
  fixtureCertificate,
  fixtureKey,
  fixtureTime,
} from './fixture.ts'
export {
  answeringProgram,
  customizationChannel,
  type MaskedChip,
  type MaskedChipOptions,
  maskedChip,
  powerUp,
  type Spoken,
  speak,
  transportTo,
  unlockWith,
  wasmProgram,
  writeRecords,
} from './masked-chip.ts'
export { type MediumMaker, mediumContract } from './medium-contract.ts'
export { type ObjectChange, objectScenario } from './object-scenario.ts'
export { type PlainFixture, plainModule } from './plain-module.ts'
export {
  CutFailure,
  type CutOptions,
  type CutReport,
  everyPowerCut,
  replay,
  type Scenario,
  type Verdict,
} from './power-cut.ts'
export { refusalChanges } from './refusal-changes.ts'
export {
  type ChipImage,
  contentOf,
  SealedChip,
  type SealedChipOptions,
  smallGeometry,
} from './sealed-chip.ts'
export {
  type CardBench,
  type CardBenchOptions,
  cardCustomer,
  cardSerial,
  type OrderedModule,
  orderedSerial,
  signingCardBench,
} from './signing-card.ts'
