import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { keepSessionChallenge, samState } from '../sam/index.ts'

/** BEGIN SESSION: the host challenge for INITIALIZE UPDATE of a chip. SESSION KEYS answers to this one, once, in this channel. */
export function beginSession(
  parts: Pick<Parts, 'entropy' | 'keys' | 'objects' | 'ram'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  if (data.length > 0) throw new Refusal('wrong-length')
  samState(parts)
  const challenge = parts.entropy.bytes(8)
  keepSessionChallenge(parts.ram, challenge)
  return challenge
}
