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
  'awaiting-personalization': { code: 0x07, globalPlatform: 'INITIALIZED', next: ['operating'] },
  operating: { code: 0x0f, globalPlatform: 'SECURED', next: ['awaiting-personalization'] },
} as const satisfies Record<string, { code: number; globalPlatform: string; next: readonly string[] }>

export type PersonalizationState = keyof typeof personalizationStates
