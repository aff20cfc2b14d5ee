/** Every party, with what it does in one line. One folder each in a workspace. */
export const parties = {
  issuer: 'owns the software of the module: makes masks, unlocks, customizes, finishes',
  manufacturer: 'makes modules, certifies their identity and the units that personalize them',
  mounter: 'mounts chips and writes their serial numbers',
  unit: 'personalizes modules at their place of use',
  person: 'approves, on a device of its own, what needs two people',
  central: 'the host that operating modules talk to',
  loader: 'holds application keys and encrypts them for modules',
  operator: 'rents out resources in modules: reserves, activates, blocks, releases',
  supplier: 'loads and runs its own programs in rented resources',
  authority: 'keeps the register of modules and their keys',
  terminal: 'the apparatus that a module sits in',
  log: 'keeps the one log of all events and signs its checkpoints',
} as const satisfies Record<string, string>

export type PartyName = keyof typeof parties
