import type { PartyPorts } from '../ports/index.ts'

/** Name of the pair that signs operating and central systems' certificates. */
export const signingKey = 'signing'

/** Makes the signing key, or finds the one that is there; returns its public point (65 bytes). */
export async function initKey({ vault }: PartyPorts): Promise<Uint8Array> {
  return (await vault.has(signingKey)) ? vault.publicPoint(signingKey) : vault.createPair(signingKey)
}
