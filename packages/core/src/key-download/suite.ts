/** How SAS is made. The suite of a message is the set's choice; a module takes only those in its stored list. */
export type SignatureKind = 'cmac' | 'ed25519' | 'ecdsa-p256'

interface SuiteRow {
  /** Bytes of T, T1 and the keys derived from it. */
  readonly keyLength: 16 | 32
  readonly signature: SignatureKind
  readonly signatureLength: 16 | 64
}

/** Suites by the two bytes that HDR carries; P1 of IMPORT KEY is the low one (key-download.md, 8.6, 8.8). */
export const suites = {
  41217: { keyLength: 16, signature: 'cmac', signatureLength: 16 },
  41218: { keyLength: 16, signature: 'ed25519', signatureLength: 64 },
  41219: { keyLength: 16, signature: 'ecdsa-p256', signatureLength: 64 },
  41473: { keyLength: 32, signature: 'cmac', signatureLength: 16 },
  41474: { keyLength: 32, signature: 'ed25519', signatureLength: 64 },
  41475: { keyLength: 32, signature: 'ecdsa-p256', signatureLength: 64 },
} as const satisfies Record<number, SuiteRow>

export type Suite = keyof typeof suites

export function isSuite(number: number): number is Suite {
  return Object.hasOwn(suites, number)
}

/** Bytes that C may have: R(16), ATTR(8), a key no longer than T, SAS, padding up to whole blocks. */
export function cryptogramLengths(suite: Suite): number[] {
  const { keyLength, signatureLength } = suiteRow(suite)
  return [16, 24, 32]
    .filter((length) => length <= keyLength)
    .map((length) => wholeBlocks(24 + length + signatureLength))
}

function wholeBlocks(length: number): number {
  return length + 16 - (length % 16)
}

export function suiteRow(suite: Suite): SuiteRow {
  return suites[suite]
}
