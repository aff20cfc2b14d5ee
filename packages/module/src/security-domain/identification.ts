import { concat } from '@sealwright/core/bytes'
import { productDataIds } from '@sealwright/core/catalog'
import type { Parts } from '../parts.ts'

type Needs = Pick<Parts, 'objects' | 'serial' | 'domainData'>

/** Issuer identification (SIN, 42) or card image number (SDIN, 45) of a security domain: its own, else the module's issuer and serial number. */
export function identificationOf(parts: Needs, domain: number, tag: 0x42 | 0x45): Uint8Array {
  const own = parts.domainData.read(domain, 'data', tag)
  if (own !== undefined) return own
  return (
    (tag === 0x42 ? parts.objects.read('product-data', productDataIds.issuer) : parts.serial()) ??
    new Uint8Array(8)
  )
}

/** Key diversification data, 10 bytes: serial number(8) ‖ 0000. */
export function diversificationData({ serial }: Pick<Parts, 'serial'>): Uint8Array {
  return concat(serial() ?? new Uint8Array(8), new Uint8Array(2))
}
