import { UsageError } from '@sealwright/core/errors'
import {
  isKeyVersion,
  type KeyInformationEntry,
  parseGenerateKeyAnswer,
  serializeGenerateKeyRequest,
} from '@sealwright/core/globalplatform'
import type { DomainSession } from './session.ts'

export interface GenerateKeyInput {
  /** 11, 13 or 15: the card's key for SCP11a, b, c. */
  readonly keyId: number
  readonly keyVersion: number
  /** The version that the new key takes the place of; the same version is replaced in any case. */
  readonly replace?: number
  /** What the card listed before the session was opened: whether this version is there. */
  readonly listedKeys?: readonly KeyInformationEntry[] | undefined
}

/**
 * Has the card make a P-256 pair for SCP11; GENERATE KEY is a command of Yubico's security domain, which few other cards know. The answer is the
 * public point, which everything rests on later: it is taken only from a session that protects answers.
 */
export async function generateKey(session: DomainSession, input: GenerateKeyInput): Promise<Uint8Array> {
  const { keyId, keyVersion, replace, listedKeys } = input
  if (!session.answersProtected) {
    throw new UsageError(
      'the public key would come without a MAC: anybody in between could put another one there',
      {
        code: 'card-exposed',
      },
    )
  }
  if (!isKeyVersion(keyVersion)) throw new UsageError('expected a key version of 01 to 7F')
  const there = (listedKeys ?? []).some((one) => one.keyId === keyId && one.keyVersion === keyVersion)
  const answer = await session.send('GENERATE KEY', {
    cla: 0x80,
    ins: 0xf1,
    p1: replace ?? (there ? keyVersion : 0),
    p2: keyId,
    data: serializeGenerateKeyRequest({ keyVersion, curve: 'P-256' }),
  })
  return parseGenerateKeyAnswer(answer, 'P-256').point
}
