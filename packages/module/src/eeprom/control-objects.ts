/** Ids of the control objects: what the module keeps of itself. Never used again for something else. */
export const controlIds = {
  serial: 0,
  personalizationState: 1,
  unlockRecord: 2,
  certification: 3,
  cardState: 4,
  /** There in a plain GlobalPlatform module. */
  plain: 5,
} as const
