import { encodeHex, wipe } from '@sealwright/core/bytes'
import { refuseTestKey } from '@sealwright/core/crypto'
import { AuthError, RefusedError, StateError, UsageError } from '@sealwright/core/errors'
import {
  type BeginRequest,
  deriveCredential,
  serializeCredentials,
  verifyCredentialProof,
} from '@sealwright/core/personalization'
import type { Channel } from '../channel/index.ts'
import type { PartyPorts } from '../ports/index.ts'

/** Name of the customer's key from which every credential follows. */
export const credentialKey = 'credential'

/**
 * Makes the credentials of modules that are to be bought, and the key that they follow from when there is none yet (B23). The file goes to
 * whoever customizes the modules: he can put a credential into a module, and can neither make nor check one. Secret: the caller wipes it.
 * @param serials serial numbers, 8 bytes each, in any order; the same one twice is a UsageError
 */
export async function makeCredentials(
  { crypto, vault }: PartyPorts,
  { serials }: { readonly serials: readonly Uint8Array[] },
): Promise<Uint8Array> {
  const sorted = [...serials].sort((a, b) => (encodeHex(a) < encodeHex(b) ? -1 : 1))
  const [first] = sorted
  if (first === undefined) throw new UsageError('expected a serial number at least')
  for (const [i, serial] of sorted.entries()) {
    if (i > 0 && encodeHex(serial) === encodeHex(sorted[i - 1]!)) {
      throw new UsageError(`serial number ${encodeHex(serial)} is there twice`)
    }
  }
  if (!(await vault.has(credentialKey))) await vault.createSecret(credentialKey, 32)
  return vault.useSecret(credentialKey, (key) => {
    refuseTestKey(crypto, key, 'the credential key')
    const made = sorted.map((serial) => ({ serial, credential: deriveCredential(crypto, key, serial) }))
    try {
      return serializeCredentials(made)
    } finally {
      wipe(...made.map(({ credential }) => credential))
    }
  })
}

/**
 * Has the module show, after BEGIN, that it has the credential of its serial number, and checks it. AuthError when it has another one;
 * StateError when it has none.
 */
export async function requireCredential(
  { crypto, vault }: PartyPorts,
  channel: Channel,
  module: { readonly serial: Uint8Array; readonly request: BeginRequest; readonly point: Uint8Array },
): Promise<void> {
  const proof = await askProof(channel)
  const holds = await vault.useSecret(credentialKey, (key) =>
    verifyCredentialProof(crypto, key, module, proof),
  )
  if (!holds) throw new AuthError({ details: { proof: "the module's credential" } })
}

async function askProof(channel: Channel): Promise<Uint8Array> {
  try {
    return await channel.send('PROVE CREDENTIAL')
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'module-reference-not-found') {
      throw new StateError('the module has no credential', { cause: error })
    }
    throw error
  }
}
