import { equal } from '@sealwright/core/bytes'
import { PeerError } from '@sealwright/core/errors'
import { type PinReset, parsePinResetRequest, preparePinReset } from '@sealwright/core/people'
import type { PartyPorts } from '../ports/index.ts'
import { sessionKey } from './key.ts'

export interface PinResetInput {
  /** The file of the unit. */
  readonly request: Uint8Array
  /** SHA-256 of the unit's public key as told by another way, 32 bytes. */
  readonly fingerprint: Uint8Array
}

/** Signs that a person may try a PIN again at one unit, or is forgotten there. It counts once. */
export async function resetPin(
  { crypto, vault }: PartyPorts,
  { request, fingerprint }: PinResetInput,
): Promise<{ readonly reset: PinReset; readonly document: Uint8Array }> {
  const reset = parsePinResetRequest(request)
  // A key id is the first half of the fingerprint.
  if (!equal(reset.actor, fingerprint.subarray(0, 16))) {
    throw new PeerError('the request is of another unit than the one whose fingerprint was told', {
      code: 'fingerprint-differs',
    })
  }
  const unsigned = preparePinReset(reset, await vault.publicPoint(sessionKey), crypto)
  return { reset, document: unsigned.finish(await vault.sign(sessionKey, unsigned.toBeSigned)) }
}
