import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { concat, fixedBytes, wipe } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import { toLowS } from '@sealwright/core/der'
import { AuthError, StateError, UsageError } from '@sealwright/core/errors'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import {
  type KeyEntry,
  type KeyVault,
  type PairKind,
  requireAesLength,
  requireStoreName,
  vaultOver,
} from '@sealwright/roles/ports'
import type { ECDH1 } from 'pkcs11js'
import { keyFolder } from '../keys/key-folder.ts'
import { FileLock } from '../lock/index.ts'
import type { OpenToken } from './token.ts'
import {
  attribute,
  curves,
  find,
  findKey,
  keyType,
  mechanism,
  naming,
  objectClass,
  publicKeyOf,
  requireStaying,
  staying,
  type TokenKey,
} from './token-object.ts'
import { tokenSealer } from './token-sealer.ts'

export interface TokenVaultInput {
  /** What the labels of this party's keys begin with, `unit` for `unit/signing`. */
  readonly prefix: string
  /** For secrets that must be lent: their files, sealed under a key of the token. */
  readonly folder: string
}

/**
 * A party's keys in a token. Pairs and secrets for MACs are made there and stay: sensitive, not extractable, found again by label and id. A secret
 * whose bytes must be lent cannot live there; it lies in a file that is sealed under a key of the token, and opens with it alone. Every signature is
 * checked with the public key before it is given out.
 */
export function tokenKeyVault(
  token: OpenToken,
  { prefix, folder }: TokenVaultInput,
  { crypto, entropy }: { readonly crypto: Crypto; readonly entropy: Entropy },
): KeyVault {
  const { calls, session } = token
  const labelOf = (name: string): string => {
    requireStoreName(name)
    return `${prefix}/${name}`
  }
  // No name of a key has two slashes in a row.
  const sealer = tokenSealer(token, `${prefix}//seal`, entropy)
  const lent = vaultOver({ crypto, entropy }, keyFolder(folder, { crypto }, 'pkcs11', sealer))

  const inside = (name: string): Promise<TokenKey | undefined> =>
    token.inTurn(`looking for the key ${labelOf(name)}`, () => findKey(token, labelOf(name)))

  async function pair(name: string): Promise<TokenKey & { readonly kind: PairKind }> {
    const key = await inside(name)
    if (key === undefined) {
      if (await lent.has(name)) throw new UsageError(`key ${name} is secret, expected p256 or ed25519`)
      throw missing(name)
    }
    const { kind } = key
    if (kind === 'secret') throw new UsageError(`key ${name} is secret, expected p256 or ed25519`)
    return { ...key, kind }
  }

  async function requireFree(name: string): Promise<void> {
    if ((await inside(name)) !== undefined || (await lent.has(name))) throw taken(name)
  }

  const publicKey = (name: string, key: { readonly id: Uint8Array; readonly kind: PairKind }) =>
    token.inTurn(`reading the public key ${labelOf(name)}`, () => publicKeyOf(token, labelOf(name), key))

  async function signChecked(
    name: string,
    { handle, kind }: TokenKey,
    point: Uint8Array,
    message: Uint8Array,
  ) {
    const digest = createHash('sha256').update(message).digest()
    const raw = await token.inTurn(`signing with the key ${labelOf(name)}`, () => {
      const signature = Buffer.alloc(64)
      if (kind === 'p256') {
        calls.C_SignInit(session, { mechanism: mechanism.ecdsa }, handle)
        return calls.C_SignAsync(session, digest, signature)
      }
      calls.C_SignInit(session, { mechanism: mechanism.eddsa }, handle)
      return calls.C_SignAsync(session, Buffer.from(message), signature)
    })
    const signature = new Uint8Array(raw)
    const holds =
      signature.length === 64 &&
      (kind === 'p256'
        ? withHandle(crypto.ecPublicKey(point), (key) => key.verify(toLowS(signature), message))
        : crypto.ed25519Verify(point, message, signature))
    if (!holds) {
      throw new StateError(`the token's signature with ${labelOf(name)} does not hold under its public key`, {
        code: 'token-failed',
      })
    }
    return kind === 'p256' ? toLowS(signature) : signature
  }

  /**
   * A token may tell a process too late what another one made (SoftHSM: both at the same moment). Those of one folder go one after the other; of
   * several computers, a later use refuses two keys of one name.
   */
  async function alone<T>(work: () => Promise<T>): Promise<T> {
    mkdirSync(dirname(folder), { recursive: true, mode: 0o700 })
    const lock = FileLock.take(`${folder}.lock`, 'making a key in the token')
    try {
      return await work()
    } finally {
      lock.release()
    }
  }

  const making: Pick<KeyVault, 'createPair' | 'createSecret'> = {
    async createPair(name, kind = 'p256') {
      const label = labelOf(name)
      await requireFree(name)
      const id = entropy.bytes(16)
      const made = await token.inTurn(`making the key pair ${label}`, () => {
        token.requireMechanisms(pairMechanisms[kind])
        return calls.C_GenerateKeyPairAsync(
          session,
          { mechanism: kind === 'p256' ? mechanism.ecPairs : mechanism.edwardsPairs },
          [
            { type: attribute.token, value: true },
            { type: attribute.verify, value: true },
            { type: attribute.ecParams, value: Buffer.from(curves[kind]) },
            ...naming(label, id),
          ],
          [
            ...staying(),
            { type: attribute.sign, value: true },
            ...(kind === 'p256' ? [{ type: attribute.derive, value: true }] : []),
            ...naming(label, id),
          ],
        )
      })
      try {
        await token.inTurn(`looking at the key pair ${label}`, () => {
          requireStaying(token, made.privateKey, label)
          requireOne(token, label, name)
        })
        const key = { handle: made.privateKey, id, kind }
        const point = await publicKey(name, key)
        await signChecked(name, key, point, entropy.bytes(32))
        return point
      } catch (error) {
        // Only what was made here: another process may have one of that name that counts. What went wrong first is what is told.
        await token
          .inTurn(`taking the key pair ${label} back`, () => {
            calls.C_DestroyObject(session, made.privateKey)
            calls.C_DestroyObject(session, made.publicKey)
          })
          .catch(() => {})
        throw error
      }
    },
    async createSecret(name, length, use = 'lend') {
      await requireFree(name)
      if (use === 'lend') return lent.createSecret(name, length)
      requireAesLength(name, length)
      const label = labelOf(name)
      return token.inTurn(`making the key ${label}`, () => {
        token.requireMechanisms({ CKM_AES_KEY_GEN: mechanism.aesKeys, CKM_AES_CMAC: mechanism.aesCmac })
        const made = calls.C_GenerateKey(session, { mechanism: mechanism.aesKeys }, [
          ...staying(),
          { type: attribute.class, value: objectClass.secret },
          { type: attribute.keyType, value: keyType.aes },
          { type: attribute.valueLength, value: length },
          { type: attribute.sign, value: true },
          { type: attribute.verify, value: true },
          { type: attribute.encrypt, value: false },
          { type: attribute.decrypt, value: false },
          ...naming(label, entropy.bytes(16)),
        ])
        try {
          requireStaying(token, made, label)
          requireOne(token, label, name)
        } catch (error) {
          calls.C_DestroyObject(session, made)
          throw error
        }
      })
    },
  }

  return {
    place: 'pkcs11',
    createPair: (name, kind) => alone(() => making.createPair(name, kind)),
    createSecret: (name, length, use) => alone(() => making.createSecret(name, length, use)),
    async publicPoint(name) {
      return publicKey(name, await pair(name))
    },
    async sign(name, ...parts) {
      const key = await pair(name)
      return signChecked(name, key, await publicKey(name, key), concat(...parts))
    },
    async agree(name, peerPoint) {
      const { handle, kind } = await pair(name)
      if (kind !== 'p256') throw new UsageError(`key ${name} is ${kind}, expected p256`)
      // A point that is not on the curve must not reach the private key.
      crypto.ecPublicKey(peerPoint)[Symbol.dispose]()
      return token.inTurn(`agreeing with the key ${labelOf(name)}`, () => agree(token, handle, peerPoint))
    },
    async importSecret(name, bytes) {
      await requireFree(name)
      return lent.importSecret(name, bytes)
    },
    async useSecret(name, use) {
      const key = await inside(name)
      if (key === undefined) return lent.useSecret(name, use)
      if (key.kind !== 'secret') throw new UsageError(`key ${name} is ${key.kind}, expected secret`)
      throw new StateError(`the secret ${name} lies in the token and never leaves it`, {
        code: 'key-stays-inside',
      })
    },
    async mac(name, ...parts) {
      const key = await inside(name)
      if (key === undefined) return lent.mac(name, ...parts)
      if (key.kind !== 'secret') throw new UsageError(`key ${name} is ${key.kind}, expected secret`)
      return token.inTurn(`a MAC with the key ${labelOf(name)}`, () =>
        macInside(token, key.handle, concat(...parts)),
      )
    },
    async has(name) {
      return (await inside(name)) !== undefined || (await lent.has(name))
    },
    async list(start = '') {
      const names = await token.inTurn('listing the keys in the token', () =>
        namesInside(token, `${prefix}/`),
      )
      const entries: KeyEntry[] = []
      for (const name of names.filter((one) => one.startsWith(start))) {
        const key = await inside(name)
        if (key === undefined) continue
        const { id, kind, handle } = key
        const checkValue =
          kind === 'secret'
            ? (await token.inTurn('a check value', () => macInside(token, handle, new Uint8Array(16)))).slice(
                0,
                5,
              )
            : crypto.sha256(await publicKey(name, { id, kind })).slice(0, 8)
        entries.push({ name, kind, checkValue })
      }
      return [...entries, ...(await lent.list(start))].sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    async remove(name) {
      const label = labelOf(name)
      await token.inTurn(`removing the key ${label}`, () => removeInside(token, label))
      await lent.remove(name)
    },
  }
}

/** Where another process made the same key at the same moment, both take theirs back. */
function requireOne(token: OpenToken, label: string, name: string): void {
  const classes = [objectClass.private, objectClass.secret] as const
  const all = classes.flatMap((value) => find(token, [{ type: attribute.class, value }, ...naming(label)]))
  if (all.length > 1) throw taken(name)
}

/** The private half first: without it the public one does nothing. */
function removeInside(token: OpenToken, label: string): void {
  for (const value of [objectClass.private, objectClass.secret, objectClass.public]) {
    for (const handle of find(token, [{ type: attribute.class, value }, ...naming(label)])) {
      token.calls.C_DestroyObject(token.session, handle)
    }
  }
}

function namesInside(token: OpenToken, start: string): string[] {
  token.requirePresent()
  const labels = [objectClass.private, objectClass.secret].flatMap((value) =>
    find(token, [
      { type: attribute.class, value },
      { type: attribute.token, value: true },
    ]).map((handle) => {
      const [label] = token.calls.C_GetAttributeValue(token.session, handle, [{ type: attribute.label }])
      return (label!.value as Buffer).toString('utf8')
    }),
  )
  return labels
    .filter((label) => label.startsWith(start) && !label.startsWith(`${start}/`))
    .map((label) => label.slice(start.length))
}

/** The shared x-coordinate comes out as a value of the session, which is destroyed at once. */
function agree({ calls, session }: OpenToken, handle: Buffer, peerPoint: Uint8Array): Uint8Array {
  const derived = calls.C_DeriveKey(
    session,
    {
      mechanism: mechanism.ecdh,
      parameter: { type: ecdhParameters, kdf: noKdf, publicData: Buffer.from(peerPoint) } as ECDH1,
    },
    handle,
    [
      { type: attribute.class, value: objectClass.secret },
      { type: attribute.keyType, value: keyType.generic },
      { type: attribute.valueLength, value: 32 },
      { type: attribute.token, value: false },
      { type: attribute.sensitive, value: false },
      { type: attribute.extractable, value: true },
    ],
  )
  try {
    const [value] = calls.C_GetAttributeValue(session, derived, [{ type: attribute.value }])
    return owned(value!.value as Buffer, 32)
  } finally {
    calls.C_DestroyObject(session, derived)
  }
}

function macInside({ calls, session }: OpenToken, handle: Buffer, message: Uint8Array): Uint8Array {
  calls.C_SignInit(session, { mechanism: mechanism.aesCmac }, handle)
  return owned(calls.C_Sign(session, Buffer.from(message), Buffer.alloc(16)), 16)
}

/** A copy that can be wiped, and the binding's own buffer wiped. */
function owned(buffer: Buffer, length: number): Uint8Array {
  if (buffer.length !== length) throw new AuthError()
  const bytes = fixedBytes(length)
  bytes.set(buffer)
  wipe(buffer)
  return bytes
}

function missing(name: string): StateError {
  return new StateError(`there is no key named ${name}`, { code: 'key-missing' })
}

function taken(name: string): StateError {
  return new StateError(`there is a key named ${name} already`, { code: 'key-exists' })
}

const pairMechanisms: Readonly<Record<PairKind, Readonly<Record<string, number>>>> = {
  p256: { CKM_EC_KEY_PAIR_GEN: mechanism.ecPairs, CKM_ECDSA: mechanism.ecdsa },
  ed25519: { CKM_EC_EDWARDS_KEY_PAIR_GEN: mechanism.edwardsPairs, CKM_EDDSA: mechanism.eddsa },
}
/** CK_PARAMS_EC_DH of the binding, and CKD_NULL. */
const ecdhParameters = 6
const noKdf = 1
