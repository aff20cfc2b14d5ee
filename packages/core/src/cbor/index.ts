export {
  type CborInput,
  type CborMap,
  type CborValue,
  decodeCanonical,
  encodeCanonical,
  maxDepth,
} from './cbor.ts'
export {
  type DocumentFields,
  documentKeyId,
  isSignedBy,
  parseDocument,
  prepareDocument,
  readDocument,
  type SignedDocument,
  signDocument,
  type UnsignedDocument,
  verifyDocument,
} from './document.ts'
export { MapReader } from './map-reader.ts'
