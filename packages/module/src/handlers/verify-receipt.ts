import { equal } from '@sealwright/core/bytes'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import {
  downloadKeys,
  parseKeyRequest,
  parseLoaderKeyEntry,
  parseReceiptClaim,
  verifyReceipt,
} from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { loaderSet, withUnitKeys } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'objects' | 'keys'>

/** VERIFY RECEIPT: recomputes T1 for one check of ACK, and the check value of the key that the module must hold. 6988 when either is wrong. */
export function verifyReceiptHandler(parts: Needs, { data }: Pick<Call, 'data'>): Uint8Array {
  const { crypto, objects } = parts
  const claim = parseReceiptClaim(data)
  const request = parseKeyRequest(claim.request)
  const bytes = objects.read('loader-key', request.source)
  if (bytes === undefined) throw new Refusal('reference-not-found')
  const entry = parseLoaderKeyEntry(bytes)
  const set = loaderSet(parts, entry.set)
  const context = { ...request, counter: claim.counter }
  const holds = withUnitKeys(parts, set, entry, request.serial, (unit) => {
    const checkValue = withHandle(crypto.aes(unit.application), kcvCmac)
    const acknowledged = withHandle(downloadKeys(crypto, unit.transport, context), (keys) =>
      verifyReceipt(keys.acknowledgement, context, claim),
    )
    return equal(checkValue, claim.checkValue) && acknowledged
  })
  if (!holds) throw new Refusal('check-failed')
  return new Uint8Array(0)
}
