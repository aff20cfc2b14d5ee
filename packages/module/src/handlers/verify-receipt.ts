import { equal } from '@sealwright/core/bytes'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import {
  downloadKeys,
  type Generation,
  generations,
  type LoaderKeyEntry,
  parseReceiptClaim,
  type ReceiptClaim,
  verifyReceipt,
} from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { loaderKey, loaderSet, withUnitKeys } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'objects' | 'keys'>

/**
 * VERIFY RECEIPT: recomputes T1 for one check of ACK, under the set's present and previous keys, and the check value of the key that
 * the module must hold. 6988 when either is wrong.
 */
export function verifyReceiptHandler(
  parts: Needs,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const claim = parseReceiptClaim(data)
  const entry = loaderKey(parts.objects, claim.request.source)
  if (entry === undefined) throw new Refusal('reference-not-found')
  const holds = (Object.keys(generations) as Generation[]).some((generation) =>
    holdsUnder(parts, generation, entry, claim),
  )
  if (!holds) throw new Refusal('check-failed')
  return new Uint8Array(0)
}

function holdsUnder(
  parts: Needs,
  generation: Generation,
  entry: LoaderKeyEntry,
  claim: ReceiptClaim,
): boolean {
  const { crypto } = parts
  const set = loaderSet(parts.objects, entry.set, generation)
  if (set === undefined) return false
  const context = { ...claim.request, counter: claim.counter }
  return withUnitKeys(parts, set, entry, context.serial, (unit) => {
    const checkValue = withHandle(crypto.aes(unit.application), kcvCmac)
    const acknowledged = withHandle(downloadKeys(crypto, unit.transport, context), (keys) =>
      verifyReceipt(keys.acknowledgement, context, claim),
    )
    return equal(checkValue, claim.checkValue) && acknowledged
  })
}
