import { withHandle } from '@sealwright/core/crypto'
import type { AesKey, Crypto, EcPrivateKey, EcPublicKey } from '@sealwright/core/ports'

/** A primitive at its lengths, as one operation of a flow called it so often. */
export interface Work {
  readonly label: string
  readonly count: number
  /** Prepares keys and inputs of the same lengths; the result does the primitive once. */
  prepare(crypto: Crypto): () => void
}

export interface Recorder {
  readonly crypto: Crypto
  /** Forgets what was recorded; keys that are made from now on are short-lived. */
  start(): void
  /** What ran since `start`. */
  stop(): Work[]
}

type AesOperation = Exclude<keyof AesKey, 'length' | symbol>
type AesCall = readonly [AesOperation, number, number]

/** A key of AES made during the recording, and what was done with it. */
interface Life {
  readonly length: number
  readonly calls: AesCall[]
}

/**
 * Records each call on a backend with its lengths. A short-lived AES key counts as one primitive with all that was done with it, for
 * no way to its result leaves out the key schedule. What is done with prepared keys, and on P-256, counts call by call: the import of
 * an EC key is no primitive.
 */
export function recorder(inner: Crypto): Recorder {
  let recording = false
  let works = new Map<string, { count: number; prepare: Work['prepare'] }>()
  let lives: Life[] = []
  const inners = new WeakMap<EcPublicKey, EcPublicKey>()

  function note(label: string, prepare: Work['prepare']): void {
    if (!recording) return
    works.set(label, { prepare, count: (works.get(label)?.count ?? 0) + 1 })
  }

  function aesKey(key: AesKey): AesKey {
    const life: Life | undefined = recording ? { length: key.length, calls: [] } : undefined
    if (life !== undefined) lives.push(life)
    const called = (name: AesOperation, data: number, associated = 0): void => {
      const call = [name, data, associated] as const
      if (life !== undefined) life.calls.push(call)
      else
        note(`${aesName(key.length)} ${callName(call)}`, (crypto) => preparedCall(crypto, key.length, call))
    }
    return {
      length: key.length,
      encryptBlock(block) {
        called('encryptBlock', 16)
        return key.encryptBlock(block)
      },
      cbcEncrypt(iv, data) {
        called('cbcEncrypt', data.length)
        return key.cbcEncrypt(iv, data)
      },
      cbcDecrypt(iv, data) {
        called('cbcDecrypt', data.length)
        return key.cbcDecrypt(iv, data)
      },
      ctr(counterBlock, data) {
        called('ctr', data.length)
        return key.ctr(counterBlock, data)
      },
      cmac(...parts) {
        called('cmac', total(parts))
        return key.cmac(...parts)
      },
      gcmSeal(nonce, plaintext, associated) {
        called('gcmSeal', plaintext.length, associated.length)
        return key.gcmSeal(nonce, plaintext, associated)
      },
      gcmOpen(nonce, sealed, associated) {
        called('gcmOpen', sealed.length, associated.length)
        return key.gcmOpen(nonce, sealed, associated)
      },
      [Symbol.dispose]: () => key[Symbol.dispose](),
    }
  }

  function privateKey(key: EcPrivateKey): EcPrivateKey {
    return {
      publicPoint: key.publicPoint,
      sign(...parts) {
        const length = total(parts)
        note(`ECDSA P-256 signature, ${length} bytes`, (crypto) => {
          const [pair, data] = [crypto.ecPrivateKey(scalar), filled(length)]
          return () => void pair.sign(data)
        })
        return key.sign(...parts)
      },
      agree(peer) {
        note('ECDH P-256 agreement', (crypto) => {
          const [pair, other] = [crypto.ecPrivateKey(scalar), publicKeyOf(crypto)]
          // A key object, once it is made, agrees in half the time.
          pair.sign(scalar)
          return () => void pair.agree(other)
        })
        return key.agree(inners.get(peer) ?? peer)
      },
      [Symbol.dispose]: () => key[Symbol.dispose](),
    }
  }

  function publicKey(key: EcPublicKey): EcPublicKey {
    const own: EcPublicKey = {
      point: key.point,
      verify(signature, ...parts) {
        const length = total(parts)
        note(`ECDSA P-256 verification, ${length} bytes`, (crypto) => {
          const data = filled(length)
          const made = withHandle(crypto.ecPrivateKey(scalar), (pair) => pair.sign(data))
          const peer = publicKeyOf(crypto)
          return () => void peer.verify(made, data)
        })
        return key.verify(signature, ...parts)
      },
      [Symbol.dispose]: () => key[Symbol.dispose](),
    }
    inners.set(own, key)
    return own
  }

  const crypto: Crypto = {
    name: `${inner.name}, recording`,
    sha256(...parts) {
      const length = total(parts)
      note(`SHA-256, ${length} bytes`, (backend) => {
        const data = filled(length)
        return () => void backend.sha256(data)
      })
      return inner.sha256(...parts)
    },
    hmacSha256(key, ...parts) {
      const length = total(parts)
      note(`HMAC-SHA-256, ${length} bytes`, (backend) => {
        const [secret, data] = [filled(key.length), filled(length)]
        return () => void backend.hmacSha256(secret, data)
      })
      return inner.hmacSha256(key, ...parts)
    },
    aes: (key) => aesKey(inner.aes(key)),
    ecPrivateKey(bytes) {
      note('P-256 public key of a private key', (backend) => () => {
        backend.ecPrivateKey(scalar)[Symbol.dispose]()
      })
      return privateKey(inner.ecPrivateKey(bytes))
    },
    ecPublicKey: (point) => publicKey(inner.ecPublicKey(point)),
    ed25519Verify: inner.ed25519Verify,
    ed25519PublicKey: inner.ed25519PublicKey,
    ed25519Sign: inner.ed25519Sign,
  }

  return {
    crypto,
    start() {
      works = new Map()
      lives = []
      recording = true
    },
    stop() {
      recording = false
      for (const life of lives.filter(({ calls }) => calls.length > 0)) {
        const label = `${aesName(life.length)} key and ${callNames(life.calls)}`
        const known = works.get(label)
        works.set(label, {
          count: (known?.count ?? 0) + 1,
          prepare: known?.prepare ?? ((backend) => shortLife(backend, life)),
        })
      }
      return [...works]
        .map(([label, work]) => ({ label, ...work }))
        .sort((a, b) => (a.label < b.label ? -1 : 1))
    },
  }
}

function preparedCall(crypto: Crypto, length: number, call: AesCall): () => void {
  const key = crypto.aes(filled(length))
  const run = doing(call, key)
  return () => run(key)
}

function shortLife(crypto: Crypto, { length, calls }: Life): () => void {
  const bytes = filled(length)
  const key = crypto.aes(bytes)
  const runs = calls.map((call) => doing(call, key))
  return () => {
    const own = crypto.aes(bytes)
    for (const run of runs) run(own)
    own[Symbol.dispose]()
  }
}

function doing([name, length, associated]: AesCall, key: AesKey): (key: AesKey) => void {
  const data = filled(length)
  const more = filled(associated)
  switch (name) {
    case 'encryptBlock':
      return (own) => void own.encryptBlock(data)
    case 'cmac':
      return (own) => void own.cmac(data)
    case 'gcmSeal':
      return (own) => void own.gcmSeal(nonce, data, more)
    case 'gcmOpen': {
      const sealed = key.gcmSeal(nonce, filled(length - 16), more)
      return (own) => void own.gcmOpen(nonce, sealed, more)
    }
    default:
      return (own) => void own[name](iv, data)
  }
}

function aesName(length: number): string {
  return `AES-${8 * length}`
}

const operationNames: Readonly<Record<AesOperation, string>> = {
  encryptBlock: 'block',
  cbcEncrypt: 'CBC encryption',
  cbcDecrypt: 'CBC decryption',
  ctr: 'CTR',
  cmac: 'CMAC',
  gcmSeal: 'GCM encryption',
  gcmOpen: 'GCM decryption',
}

function callName([name, length]: AesCall): string {
  return `${operationNames[name]}, ${length} bytes`
}

function callNames(calls: readonly AesCall[]): string {
  const counts = new Map<string, number>()
  for (const call of calls) counts.set(callName(call), (counts.get(callName(call)) ?? 0) + 1)
  return [...counts].map(([name, count]) => (count === 1 ? name : `${count} × ${name}`)).join('; ')
}

function publicKeyOf(crypto: Crypto): EcPublicKey {
  return crypto.ecPublicKey(withHandle(crypto.ecPrivateKey(scalar), (pair) => pair.publicPoint))
}

function total(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

function filled(length: number): Uint8Array {
  return new Uint8Array(length).fill(0x5a)
}

const scalar = filled(32)
const iv = filled(16)
const nonce = filled(12)
