import { concat, wipe } from '@sealwright/core/bytes'
import { kcvCmac, portableCrypto, privateScalar, withHandle } from '@sealwright/core/crypto'
import { StateError, UsageError } from '@sealwright/core/errors'
import type { Clock, Crypto, Entropy } from '@sealwright/core/ports'
import type { KeyEntry, KeyVault } from './key-vault.ts'
import { logSigningKey } from './key-vault.ts'
import type { PartyName } from './parties.ts'
import type { PartyPorts } from './party-ports.ts'
import { requireStoreName, type Store } from './store.ts'
import type { VaultKind } from './vault-kinds.ts'

/** A store that lives as long as the process. */
export function memoryStore(): Store {
  const files = new Map<string, Uint8Array>()
  return {
    async read(name) {
      requireStoreName(name)
      return files.get(name)?.slice()
    },
    async write(name, bytes) {
      requireStoreName(name)
      files.set(name, bytes.slice())
    },
    async list(prefix = '') {
      return [...files.keys()].filter((name) => name.startsWith(prefix)).sort()
    },
    async remove(name) {
      requireStoreName(name)
      files.delete(name)
    },
  }
}

/** What a vault keeps: a private key of 32 bytes, or a secret. */
export interface StoredKey {
  readonly kind: KeyEntry['kind']
  readonly secret: Uint8Array
}

/** Where `vaultOver` keeps its keys. */
export interface KeyStorage {
  readonly place: VaultKind
  /** A buffer of the caller's own, who wipes it. */
  load(name: string): Promise<StoredKey | undefined>
  save(name: string, key: StoredKey): Promise<void>
  names(): Promise<string[]>
  remove(name: string): Promise<void>
}

/** A vault that lives as long as the process. */
export function memoryVault(crypto: Crypto, entropy: Entropy): KeyVault {
  const keys = new Map<string, StoredKey>()
  return vaultOver(
    { crypto, entropy },
    {
      place: 'memory',
      async load(name) {
        const key = keys.get(name)
        return key && { ...key, secret: key.secret.slice() }
      },
      async save(name, { kind, secret }) {
        keys.set(name, { kind, secret: secret.slice() })
      },
      async names() {
        return [...keys.keys()]
      },
      async remove(name) {
        wipe(keys.get(name)?.secret)
        keys.delete(name)
      },
    },
  )
}

/** The vault's rules over any place that keeps bytes. */
export function vaultOver(
  { crypto, entropy }: { readonly crypto: Crypto; readonly entropy: Entropy },
  storage: KeyStorage,
): KeyVault {
  async function use<T>(
    name: string,
    kinds: readonly KeyEntry['kind'][],
    work: (key: StoredKey) => T | Promise<T>,
  ): Promise<T> {
    requireStoreName(name)
    const key = await storage.load(name)
    if (key === undefined) throw new StateError(`there is no key named ${name}`, { code: 'key-missing' })
    try {
      if (!kinds.includes(key.kind)) {
        throw new UsageError(`key ${name} is ${key.kind}, expected ${kinds.join(' or ')}`)
      }
      return await work(key)
    } finally {
      wipe(key.secret)
    }
  }

  async function keep(name: string, key: StoredKey): Promise<void> {
    requireStoreName(name)
    const old = await storage.load(name)
    wipe(old?.secret)
    if (old !== undefined)
      throw new StateError(`there is a key named ${name} already`, { code: 'key-exists' })
    await storage.save(name, key)
  }

  return {
    place: storage.place,
    async createPair(name, kind = 'p256') {
      const random = entropy.bytes(kind === 'p256' ? 48 : 32)
      const secret = kind === 'p256' ? privateScalar(crypto, random) : random.slice()
      try {
        await keep(name, { kind, secret })
        return publicKey(crypto, { kind, secret })
      } finally {
        wipe(random, secret)
      }
    },
    publicPoint: (name) => use(name, ['p256', 'ed25519'], (key) => publicKey(crypto, key)),
    sign: (name, ...parts) =>
      use(name, ['p256', 'ed25519'], ({ kind, secret }) => {
        if (kind === 'ed25519') return crypto.ed25519Sign(secret, concat(...parts))
        return withHandle(crypto.ecPrivateKey(secret), (key) => key.sign(...parts))
      }),
    agree: (name, peerPoint) =>
      use(name, ['p256'], ({ secret }) =>
        withHandle(crypto.ecPrivateKey(secret), (key) =>
          withHandle(crypto.ecPublicKey(peerPoint), (peer) => key.agree(peer)),
        ),
      ),
    async createSecret(name, length, purpose = 'lend') {
      if (purpose === 'mac') requireAesLength(name, length)
      const secret = entropy.bytes(length)
      try {
        await keep(name, { kind: 'secret', secret })
      } finally {
        wipe(secret)
      }
    },
    importSecret: (name, bytes) => keep(name, { kind: 'secret', secret: bytes }),
    useSecret: (name, work) => use(name, ['secret'], ({ secret }) => work(secret)),
    mac: (name, ...parts) =>
      use(name, ['secret'], ({ secret }) => {
        requireAesLength(name, secret.length)
        return withHandle(crypto.aes(secret), (key) => key.cmac(...parts))
      }),
    async has(name) {
      requireStoreName(name)
      const key = await storage.load(name)
      wipe(key?.secret)
      return key !== undefined
    },
    async list(prefix = '') {
      const names = (await storage.names()).filter((name) => name.startsWith(prefix)).sort()
      return Promise.all(
        names.map((name) => use(name, ['p256', 'ed25519', 'secret'], (key) => entry(crypto, name, key))),
      )
    },
    async remove(name) {
      requireStoreName(name)
      await storage.remove(name)
    },
  }
}

/** A party without a folder: for tests, and for scenes that run where there are no files. */
export async function memoryPorts(
  party: PartyName,
  world: {
    readonly clock: Clock
    readonly entropy: Entropy
    readonly crypto?: Crypto
    readonly progress?: (text: string) => void
  },
): Promise<PartyPorts> {
  const { clock, entropy, crypto = portableCrypto, progress = () => {} } = world
  const vault = memoryVault(crypto, entropy)
  await vault.createPair(logSigningKey, party === 'log' ? 'ed25519' : 'p256')
  return { party, crypto, clock, entropy, store: memoryStore(), vault, progress }
}

function publicKey(crypto: Crypto, { kind, secret }: StoredKey): Uint8Array {
  if (kind === 'ed25519') return crypto.ed25519PublicKey(secret)
  return withHandle(crypto.ecPrivateKey(secret), ({ publicPoint }) => publicPoint.slice())
}

/** Only an AES key makes a MAC. */
export function requireAesLength(name: string, length: number): void {
  if (!aesLengths.includes(length)) {
    throw new UsageError(`key ${name} has ${length} bytes, expected an AES key of 16, 24 or 32`)
  }
}

function entry(crypto: Crypto, name: string, key: StoredKey): KeyEntry {
  const { kind, secret } = key
  if (kind !== 'secret') {
    return { name, kind, checkValue: crypto.sha256(publicKey(crypto, key)).slice(0, 8) }
  }
  if (!aesLengths.includes(secret.length)) return { name, kind }
  return { name, kind, checkValue: withHandle(crypto.aes(secret), kcvCmac) }
}

const aesLengths = [16, 24, 32]
