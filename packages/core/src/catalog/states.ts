/** The chip's mode, kept in OTP bits that only move forward (design, section 4, Life). */
export const chipModes = {
  issuer: { code: 0x00, next: ['customization'], meaning: 'masked; answers service commands and UNLOCK' },
  customization: {
    code: 0x01,
    next: ['user'],
    meaning: 'unlocked; the customization software takes code and data',
  },
  user: { code: 0x03, next: ['terminated'], meaning: 'finished; the vector table decides what answers' },
  terminated: { code: 0xff, next: [], meaning: 'answers CHIP STATUS only' },
} as const satisfies Record<string, { code: number; next: readonly string[]; meaning: string }>

export type ChipMode = keyof typeof chipModes

/** The personalization state of a module in user mode. */
export const personalizationStates = {
  'awaiting-personalization': { code: 0x07, globalPlatform: 'initialized', next: ['operating'] },
  operating: { code: 0x0f, globalPlatform: 'secured', next: ['awaiting-personalization'] },
} as const satisfies Record<
  string,
  { code: number; globalPlatform: 'initialized' | 'secured'; next: readonly string[] }
>

export type PersonalizationState = keyof typeof personalizationStates

/** What a resource is to its supplier; the byte stands in DEF, receipts and GET DATA. */
export const resourceStates = {
  reserved: { code: 0x01, meaning: 'laid out; takes no session until the operator releases it' },
  active: { code: 0x02, meaning: 'its supplier may load and run' },
  blocked: { code: 0x03, meaning: 'area and key are unusable, not erased' },
  deleted: { code: 0x04, meaning: 'area and key are erased; only receipts say so' },
} as const satisfies Record<string, { code: number; meaning: string }>

export type ResourceState = keyof typeof resourceStates

export function resourceStateOf(code: number): ResourceState | undefined {
  return (Object.keys(resourceStates) as ResourceState[]).find((name) => resourceStates[name].code === code)
}

/** What the module's trust in its central system rests on. */
export const certifications = {
  none: { code: 0x00, meaning: 'the module is not personalized' },
  chain: { code: 0x01, meaning: "a chain up to the manufacturer's key" },
  'plausible only': {
    code: 0x02,
    meaning: 'unit and central system certify each other: whoever made both keys passes',
  },
} as const satisfies Record<string, { code: number; meaning: string }>

export type Certification = keyof typeof certifications

/** What a module has to prove who it is, as GET DATA tells it. */
export const identityProofs = {
  none: {
    code: 0x00,
    meaning: 'one of many identical modules: nothing shows which one, or that it is one',
  },
  identity: { code: 0x01, meaning: "its identity key, certified under the manufacturer's root" },
  credential: {
    code: 0x02,
    meaning: 'no identity key, but a credential that its customer made and can check',
  },
  both: { code: 0x03, meaning: 'identity key and credential' },
} as const satisfies Record<string, { code: number; meaning: string }>

export type IdentityProof = keyof typeof identityProofs
