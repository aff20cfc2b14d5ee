/** What the electrical test finds, at power-up and when SELF TEST asks for it. */
export const selfTestResults = {
  good: { code: 0x00, meaning: 'every page can be read and fits the others' },
  damaged: { code: 0x01, meaning: 'a page or a structure in it is not what was written' },
  'rolled-back': { code: 0x02, meaning: 'memories that do not belong together: one of them is an older one' },
  tampered: { code: 0x03, meaning: 'a page that the chip did not write' },
  stale: { code: 0x04, meaning: 'a page that the chip wrote once, put back later' },
} as const satisfies Record<string, { code: number; meaning: string }>

export type SelfTestResult = keyof typeof selfTestResults
