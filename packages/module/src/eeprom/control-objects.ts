/** Ids of the control objects: what the module keeps of itself. Never used again for something else. */
export const controlIds = {
  serial: 0,
  personalizationState: 1,
  unlockRecord: 2,
  certification: 3,
  cardState: 4,
  /** There in a plain GlobalPlatform module. */
  plain: 5,
  /** The last transfer to another customer: number(4) ‖ SHA-256 of the document(32) ‖ event number(4) ‖ chain(32). */
  transfer: 16,
} as const
