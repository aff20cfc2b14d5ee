export { findTlv, parseTlvs, serializeTlv, serializeTlvs, type Tlv, tlv } from './tlv.ts'
