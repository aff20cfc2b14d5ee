export { decodeBase64, encodeBase64 } from './base64.ts'
export {
  allZero,
  ascii,
  concat,
  copyBytes,
  decodeHex,
  encodeHex,
  equal,
  fixedBytes,
  fromAscii,
  u16,
  u32,
  wipe,
} from './bytes.ts'

export { requireFormatVersion, requireVersion } from './format-version.ts'
export { Reader } from './reader.ts'
export { Writer } from './writer.ts'
