/** Fields that an action's object may have: serial numbers (8 bytes), customer (16), SHA-256 of a point (32), a number. */
export const objectFields = {
  module: { bytes: 8, text: 'serial number of the module' },
  customer: { bytes: 16, text: 'customer id' },
  central: { bytes: 32, text: "SHA-256 of the central system's public key" },
  loader: { bytes: 8, text: 'serial number of the loader' },
  set: { bytes: undefined, text: 'number of the set, 1 to 255' },
} as const satisfies Record<string, { bytes: number | undefined; text: string }>

export type ObjectField = keyof typeof objectFields

/** What needs two people: each action with the object that an approval has to name, and who takes approvals for it. */
export const approvableActions = {
  personalize: {
    text: 'certify the operating key that this module makes, for this customer and this central system',
    object: ['module', 'customer', 'central'],
    takenBy: ['signing card', 'unit with a key of its own'],
  },
  terminate: { text: 'end the life of this module for good', object: ['module'], takenBy: [] },
  'export-transport-key': {
    text: 'give the transport key T of this set to this module',
    object: ['loader', 'set', 'module'],
    takenBy: [],
  },
} as const satisfies Record<
  string,
  { text: string; object: readonly ObjectField[]; takenBy: readonly string[] }
>

export type ApprovableAction = keyof typeof approvableActions

/** What a person may be enrolled for. One person may have both duties, but never does both for one action. */
export const duties = {
  request: 'may ask for an action: signs first',
  approve: 'may approve what another person asks for: signs second',
} as const satisfies Record<string, string>

export type Duty = keyof typeof duties
