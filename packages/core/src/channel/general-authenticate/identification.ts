import { Reader, u32 } from '../../bytes/index.ts'
import { DecodeError } from '../../errors/index.ts'
import { parseTlvs, serializeTlv, serializeTlvs, tlv } from '../../tlv/index.ts'

/**
 * Who the host says it is (ISO/IEC 7816-4, identification data template): A0 { 80 04 time, 81 certificate, … }, one to four certificates in
 * DER, the host's own first, then each issuer.
 */
export interface Identification {
  /** Seconds since 1970 at which the certificates are to be looked at. */
  readonly time: number
  readonly certificates: readonly Uint8Array[]
}

export function parseIdentification(bytes: Uint8Array): Identification {
  const [template, ...others] = parseTlvs(bytes, what)
  if (template?.tag !== 0xa0 || others.length > 0) throw new DecodeError(`${what}: expected A0`)
  const [time, ...certificates] = parseTlvs(template.value, what)
  if (time?.tag !== 0x80) throw new DecodeError(`${what}: expected the time first`)
  const r = new Reader(time.value, what)
  const seconds = r.u32('time')
  r.end()
  if (certificates.length < 1 || certificates.length > longestChain) {
    throw new DecodeError(`${what}: expected 1 to ${longestChain} certificates`)
  }
  if (certificates.some(({ tag, value }) => tag !== 0x81 || value.length === 0)) {
    throw new DecodeError(`${what}: expected certificates behind the time`)
  }
  return { time: seconds, certificates: certificates.map(({ value }) => value) }
}

export function serializeIdentification({ time, certificates }: Identification): Uint8Array {
  const fields = [tlv(0x80, u32(time)), ...certificates.map((one) => tlv(0x81, one))]
  return serializeTlv(tlv(0xa0, serializeTlvs(fields)))
}

const what = "host's identification"
const longestChain = 4
