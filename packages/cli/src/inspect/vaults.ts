import { encodeHex, wipe } from '@sealwright/core/bytes'
import { matterWords } from '@sealwright/core/people'
import { parseSealedKeyFile, parseVaultKeyFile } from '@sealwright/node/keys'
import { parsePinHolder, parsePinRequest } from '@sealwright/roles/two-pins'
import type { Explanation } from './explanation.ts'

export function explainVaultKey(bytes: Uint8Array): Explanation {
  const { vaultId, wrapped } = parseVaultKeyFile(bytes)
  const { logN, r, p } = wrapped.cost
  return {
    kind: 'vault key file',
    json: { vault: vaultId, cost: wrapped.cost, secret: true },
    lines: [
      `vault ${encodeHex(vaultId).toLowerCase()}`,
      `its key is under a passphrase: scrypt, N = 2^${logN}, r = ${r}, p = ${p}`,
      'secret: it is not shown; with it and time, a passphrase can be guessed',
    ],
  }
}

export function explainSealedKey(bytes: Uint8Array): Explanation {
  const { sealed } = parseSealedKeyFile(bytes)
  return {
    kind: 'sealed key file',
    json: { length: sealed.length - 16 },
    lines: [
      `${sealed.length - 16} bytes, encrypted`,
      'it opens with the passphrase, or in the token, of the party whose it is',
    ],
  }
}

/** Who has a PIN, and nothing that would tell whether a guess is right. */
export function explainPinHolder(bytes: Uint8Array): Explanation {
  const { id, cost, triesLeft, salt, verifier } = parsePinHolder(bytes)
  wipe(salt, verifier)
  return {
    kind: 'holder of a PIN',
    json: { id, cost, triesLeft, secret: true },
    lines: [
      `person ${id}`,
      triesLeft === 0 ? 'locked' : `${triesLeft} tries left`,
      'secret: what the PIN is compared with is not shown',
    ],
  }
}

export function explainPinRequest(bytes: Uint8Array): Explanation {
  const { nonce, matter, requester, at, confirmed, usedAt } = parsePinRequest(bytes)
  const time = (seconds: number): string => new Date(seconds * 1000).toISOString()
  return {
    kind: 'request with a PIN',
    json: { nonce, action: matter.action, object: matter.object, requester, at, confirmed, usedAt },
    lines: [
      ...matterWords(matter).map(([name, text]) => `${name} ${text}`),
      `asked for by ${requester}, ${time(at)}`,
      confirmed === undefined ? 'not confirmed' : `confirmed by ${confirmed.by}, ${time(confirmed.at)}`,
      usedAt === undefined ? 'not used' : `used ${time(usedAt)}`,
    ],
  }
}
