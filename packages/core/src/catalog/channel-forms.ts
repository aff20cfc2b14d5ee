/** How much a channel says of who is at its other end, from nothing up. The code stands in a product's channel policy. */
export const channelLevels = {
  none: { code: 0x00, meaning: 'no channel: on a direct line only' },
  unauthenticated: {
    code: 0x01,
    meaning: 'encrypted, with nobody proven: no help against someone in the middle',
  },
  'module-proof': { code: 0x02, meaning: 'the module has proven who it is' },
  mutual: { code: 0x03, meaning: 'both ends have proven who they are' },
} as const satisfies Record<string, { code: number; meaning: string }>

export type ChannelLevel = keyof typeof channelLevels

/** What a product has that says nothing. */
export const defaultChannelLevel: ChannelLevel = 'module-proof'

/** The forms of channel that personalization can run in (B5, B11), and what each gives. */
export const channelForms = {
  none: { level: 'none', meaning: 'commands as they are' },
  ephemeral: { level: 'unauthenticated', meaning: 'Diffie-Hellman with keys of this session alone' },
  'module-proof': { level: 'module-proof', meaning: "SCP11b with the module's identity key" },
  mutual: { level: 'mutual', meaning: "SCP11a with the module's identity key and the unit's channel key" },
  'document-key': { level: 'mutual', meaning: "SCP03 under the module's document key" },
  'dh-signed': { level: 'mutual', meaning: 'Diffie-Hellman first, then both sign what was exchanged' },
  'signed-key': { level: 'mutual', meaning: 'both sign first, then the key that they bound to it' },
} as const satisfies Record<string, { level: ChannelLevel; meaning: string }>

export type ChannelForm = keyof typeof channelForms

/** The three forms of a supplier's session with its resource (C7): at once, key first, signatures first. */
export const supplierForms = ['mutual', 'dh-signed', 'signed-key'] as const satisfies readonly ChannelForm[]

export type SupplierForm = (typeof supplierForms)[number]

/** Whether a form gives at least what a policy asks for. */
export function meetsLevel(form: ChannelForm, least: ChannelLevel): boolean {
  return channelLevels[channelForms[form].level].code >= channelLevels[least].code
}

export function channelLevelOf(code: number): ChannelLevel | undefined {
  return (Object.keys(channelLevels) as ChannelLevel[]).find((name) => channelLevels[name].code === code)
}

/** Algorithms behind the suite byte of GENERAL AUTHENTICATE; a module takes no other. */
export const channelSuites = {
  '01': { code: 0x01, meaning: 'P-256 with ECDSA, SHA-256, AES-128; secure messaging with S8, level 33' },
} as const satisfies Record<string, { code: number; meaning: string }>

export const channelSuite = channelSuites['01'].code
