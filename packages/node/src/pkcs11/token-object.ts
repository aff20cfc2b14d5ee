import { decodeHex, equal } from '@sealwright/core/bytes'
import { DerReader } from '@sealwright/core/der'
import { StateError } from '@sealwright/core/errors'
import type { PairKind } from '@sealwright/roles/ports'
import type { Template } from 'pkcs11js'
import type { OpenToken } from './token.ts'

/** A key of ours in a token. */
export interface TokenKey {
  readonly handle: Buffer
  /** CKA_ID */
  readonly id: Uint8Array
  readonly kind: PairKind | 'secret'
}

/** CKO: the classes of objects that are looked for. */
export const objectClass = { public: 2, private: 3, secret: 4 } as const
/** CKA: attributes (PKCS#11 2.40, and 3.0 for Edwards curves). */
export const attribute = {
  class: 0x00,
  token: 0x01,
  private: 0x02,
  label: 0x03,
  value: 0x11,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  encrypt: 0x104,
  decrypt: 0x105,
  sign: 0x108,
  verify: 0x10a,
  derive: 0x10c,
  valueLength: 0x161,
  extractable: 0x162,
  local: 0x163,
  neverExtractable: 0x164,
  alwaysSensitive: 0x165,
  ecParams: 0x180,
  ecPoint: 0x181,
} as const
/** CKK */
export const keyType = { ec: 0x03, generic: 0x10, aes: 0x1f, edwards: 0x40 } as const
/** CKM */
export const mechanism = {
  ecPairs: 0x1040,
  ecdsa: 0x1041,
  ecdh: 0x1050,
  edwardsPairs: 0x1055,
  eddsa: 0x1057,
  aesKeys: 0x1080,
  aesGcm: 0x1087,
  aesCmac: 0x108a,
} as const

/** Object identifiers of the curves, as CKA_EC_PARAMS has them. */
export const curves: Readonly<Record<PairKind, Uint8Array>> = {
  p256: decodeHex('06082A8648CE3D030107'),
  ed25519: decodeHex('06032B6570'),
}

/** What finds an object again. The id, 16 random bytes, ties the halves of a pair: of two pairs that were made at once none gets the other's half. */
export function naming(label: string, id?: Uint8Array): Template {
  const named = [{ type: attribute.label, value: Buffer.from(label, 'utf8') }]
  return id === undefined ? named : [...named, { type: attribute.id, value: Buffer.from(id) }]
}

/** What a key is made with, so that it stays where it is. */
export function staying(): Template {
  return [
    { type: attribute.token, value: true },
    { type: attribute.private, value: true },
    { type: attribute.sensitive, value: true },
    { type: attribute.extractable, value: false },
  ]
}

/** All objects that fit a template. Only inside `inTurn`. */
export function find({ calls, session }: OpenToken, template: Template): Buffer[] {
  calls.C_FindObjectsInit(session, template)
  try {
    const found: Buffer[] = []
    for (
      let some = calls.C_FindObjects(session, 64);
      some.length > 0;
      some = calls.C_FindObjects(session, 64)
    ) {
      found.push(...some)
    }
    return found
  } finally {
    calls.C_FindObjectsFinal(session)
  }
}

/**
 * The private or secret key with this label, or undefined. StateError `token-removed` where the token is gone, `token-key-ambiguous` where there are several, `token-key-exposed` where it
 * was not made in the token or may leave it. Only inside `inTurn`.
 */
export function findKey(token: OpenToken, label: string): TokenKey | undefined {
  const handles = ([objectClass.private, objectClass.secret] as const).flatMap((value) =>
    find(token, [{ type: attribute.class, value }, ...naming(label)]),
  )
  const [handle, ...more] = handles
  if (handle === undefined) {
    token.requirePresent()
    return undefined
  }
  if (more.length > 0) {
    throw new StateError(`the token has ${handles.length} keys labelled ${label}`, {
      code: 'token-key-ambiguous',
    })
  }
  requireStaying(token, handle, label)
  const [id] = token.calls.C_GetAttributeValue(token.session, handle, [{ type: attribute.id }])
  return { handle, id: new Uint8Array(id!.value as Buffer), kind: kindOf(token, handle) }
}

/** Refuses a key that left the token, may leave it, or came from outside. */
export function requireStaying({ calls, session }: OpenToken, handle: Buffer, label: string): void {
  const wanted = [
    [attribute.sensitive, true],
    [attribute.extractable, false],
    [attribute.local, true],
    [attribute.neverExtractable, true],
    [attribute.alwaysSensitive, true],
  ] as const
  const found = calls.C_GetAttributeValue(
    session,
    handle,
    wanted.map(([type]) => ({ type })),
  )
  const holds = wanted.every(([, value], i) => ((found[i]!.value as Buffer)[0] !== 0) === value)
  if (holds) return
  throw new StateError(`the key ${label} can leave the token, or was not made in it`, {
    code: 'token-key-exposed',
  })
}

/** The public key of a pair: point(65), or 32 bytes. Only inside `inTurn`. */
export function publicKeyOf(
  token: OpenToken,
  label: string,
  { id, kind }: { readonly id: Uint8Array; readonly kind: PairKind },
): Uint8Array {
  const { calls, session } = token
  const [handle, ...more] = find(token, [
    { type: attribute.class, value: objectClass.public },
    ...naming(label, id),
  ])
  if (handle === undefined || more.length > 0) {
    throw new StateError(
      `the token has ${more.length === 0 ? 'no public key' : 'several public keys'} for ${label}`,
      {
        code: 'token-key-ambiguous',
      },
    )
  }
  const [point] = calls.C_GetAttributeValue(session, handle, [{ type: attribute.ecPoint }])
  return parsePoint(new Uint8Array(point!.value as Buffer), kind)
}

/** CKA_EC_POINT is the point in an OCTET STRING; some modules leave that out (PKCS#11 2.40, current mechanisms, 2.3.3). */
function parsePoint(bytes: Uint8Array, kind: PairKind): Uint8Array {
  const length = kind === 'p256' ? 65 : 32
  if (bytes.length === length && (kind === 'ed25519' || bytes[0] === 0x04)) return bytes
  const r = new DerReader(bytes, 'public key in the token')
  const point = r.octetString('point')
  r.end()
  if (point.length !== length) throw r.fail(`expected a point of ${length} bytes`)
  return point.slice()
}

function kindOf({ calls, session }: OpenToken, handle: Buffer): TokenKey['kind'] {
  const type = unsigned(
    calls.C_GetAttributeValue(session, handle, [{ type: attribute.keyType }])[0]!.value as Buffer,
  )
  if (type === keyType.aes) return 'secret'
  if (type === keyType.edwards) return 'ed25519'
  if (type === keyType.ec) {
    const [curve] = calls.C_GetAttributeValue(session, handle, [{ type: attribute.ecParams }])
    if (equal(new Uint8Array(curve!.value as Buffer), curves.p256)) return 'p256'
  }
  throw new StateError('the token has a key of ours that is of another kind', { code: 'token-key-ambiguous' })
}

/** A CK_ULONG, little end first on every machine that Node runs on. */
export function unsigned(bytes: Buffer): number {
  return bytes.readUIntLE(0, Math.min(bytes.length, 6))
}
