/**
 * The one-time-programmable bits by name and position. A fuse cannot be mended: positions are never used again for something else.
 * Bits not named here are spare and stay 0.
 */
export const otpBits = {
  /** Test module: known test keys are accepted, resets allowed. Set at production, where the ROM says so, and never else. */
  test: 0,
  'mode-customization': 1,
  'mode-user': 2,
  'mode-terminated': 3,
  /** A wipe has begun; boot repeats it until `wipe-done` is set. */
  'wipe-intent': 4,
  'wipe-done': 5,
} as const satisfies Record<string, number>

export type OtpBit = keyof typeof otpBits

/** A bit can only be set after the one it follows; another combination means that somebody interfered. */
export const otpFollows = {
  'wipe-intent': 'mode-customization',
  'mode-user': 'wipe-done',
  'mode-terminated': 'mode-user',
  'wipe-done': 'wipe-intent',
} as const satisfies Partial<Record<OtpBit, OtpBit>>

/** 256 bits. */
export const otpLength = 32
