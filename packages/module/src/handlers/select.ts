import { equal } from '@sealwright/core/bytes'
import { issuerDomainAid } from '@sealwright/core/catalog'
import { serializeTlv, serializeTlvs, tlv } from '@sealwright/core/tlv'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'

/** SELECT by AID (ISO/IEC 7816-4; GlobalPlatform 11.9): the issuer security domain or the application of a resource. Ends the channel. */
export function select(
  { channels, definitions, select }: Pick<Parts, 'channels' | 'definitions' | 'select'>,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  if (p1 !== 0x04 || p2 !== 0x00) throw new Refusal('wrong-parameters')
  if (data.length === 0 || equal(data, issuerDomainAid)) {
    channels.close()
    select(undefined)
    return fileControlInformation(issuerDomainAid)
  }
  const resource = definitions.byAid(data)
  if (resource === undefined) throw new Refusal('application-not-found')
  channels.close()
  select(resource.id)
  return fileControlInformation(data)
}

function fileControlInformation(aid: Uint8Array): Uint8Array {
  const proprietary = serializeTlv(tlv(0x9f65, Uint8Array.of(0xff)))
  return serializeTlv(tlv(0x6f, serializeTlvs([tlv(0x84, aid), tlv(0xa5, proprietary)])))
}
