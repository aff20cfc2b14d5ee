/**
 * A certificate of SCP11: of an off-card entity, a security domain, or an authority between. X.509 or GlobalPlatform's own form, of a P-256 key
 * (Amendment F, 6).
 */
export interface OceCertificate {
  readonly format: 'x509' | 'gp'
  /** As an allow-list has it: big-endian, X.509's without the sign byte. */
  readonly serialNumber: Uint8Array
  /** X.509: the name's DER. GlobalPlatform: the CA identifier, tag 42. */
  readonly issuer: Uint8Array
  /** X.509: the name's DER. GlobalPlatform: the subject identifier, tag 5F20. */
  readonly subject: Uint8Array
  /** Seconds since 1970; GlobalPlatform's may leave the first out, and ends with its day. */
  readonly notBefore: number | undefined
  readonly notAfter: number
  /** Uncompressed, 65 bytes; not checked to be on the curve. */
  readonly publicPoint: Uint8Array
  /** Whether its key may sign certificates. */
  readonly signsCertificates: boolean
  /** How many authorities may stand between it and the leaf (X.509, pathLenConstraint); undefined: any number. */
  readonly pathLength: number | undefined
  /** Whether its key may agree on keys. */
  readonly agreesOnKeys: boolean
  readonly subjectKeyIdentifier: Uint8Array | undefined
  readonly authorityKeyIdentifier: Uint8Array | undefined
  /** Object identifiers of certificate policies, which say what the holder is. */
  readonly policies: readonly string[]
  /** Object identifiers of critical extensions that are not read here. */
  readonly unknownCritical: readonly string[]
  /** Authorizations of 11c, value of BF20. */
  readonly authorizations: Uint8Array | undefined
  /** Raw r‖s, 64 bytes; s may lie in either half. Empty when something else than ECDSA with SHA-256 signed it. */
  readonly signature: Uint8Array
  /** The signed bytes. */
  readonly tbs: Uint8Array
  readonly encoded: Uint8Array
}
