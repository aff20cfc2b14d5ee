import { equal } from '@sealwright/core/bytes'
import { certificateIds } from '@sealwright/core/catalog'
import { parseDepersonalizeRequest, serializeCompleteReceipt } from '@sealwright/core/personalization'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { checkedDigest, depersonalize } from '../personalization/index.ts'

/**
 * DEPERSONALIZE: the stored central system ends this personalization, which it names by serial number and operating certificate. The
 * receipt is signed with the operating key before that is gone; GET DATA repeats it.
 */
export function depersonalizeHandler(
  parts: Parts,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const { serial, certificateDigest } = parseDepersonalizeRequest(data)
  const own = parts.serial()
  const digest = checkedDigest(parts, 'certificate', certificateIds.operating.id)
  if (own === undefined || digest === undefined || !equal(own, serial) || !equal(digest, certificateDigest)) {
    throw new Refusal('wrong-data')
  }
  return serializeCompleteReceipt(depersonalize(parts))
}
