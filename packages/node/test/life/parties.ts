import type { Clock, Crypto, Entropy } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  logSigningKey,
  type PartyName,
  type PartyPorts,
  requireStoreName,
  type StoredKey,
  vaultOver,
} from '@sealwright/roles/ports'

/** A party in memory whose whole state can be copied, so that a step can be run from the same start again and again. */
export class Party {
  readonly ports: PartyPorts
  readonly #name: PartyName
  readonly #world: { readonly crypto: Crypto; readonly clock: Clock }
  readonly #files: Map<string, Uint8Array>
  readonly #keys: Map<string, StoredKey>
  #entropy: Entropy

  private constructor(
    name: PartyName,
    world: { readonly crypto: Crypto; readonly clock: Clock },
    files: Map<string, Uint8Array>,
    keys: Map<string, StoredKey>,
  ) {
    this.#name = name
    this.#world = world
    this.#files = files
    this.#keys = keys
    this.#entropy = scriptedEntropy(`party ${name}`)
    const entropy: Entropy = { bytes: (length) => this.#entropy.bytes(length) }
    this.ports = {
      party: name,
      ...world,
      entropy,
      store: {
        async read(file) {
          requireStoreName(file)
          return files.get(file)?.slice()
        },
        async write(file, bytes) {
          requireStoreName(file)
          files.set(file, bytes.slice())
        },
        async list(prefix = '') {
          return [...files.keys()].filter((file) => file.startsWith(prefix)).sort()
        },
        async remove(file) {
          files.delete(file)
        },
      },
      vault: vaultOver(
        { crypto: world.crypto, entropy },
        {
          place: 'memory',
          async load(key) {
            const stored = keys.get(key)
            return stored && { ...stored, secret: stored.secret.slice() }
          },
          async save(key, { kind, secret }) {
            keys.set(key, { kind, secret: secret.slice() })
          },
          async names() {
            return [...keys.keys()]
          },
          async remove(key) {
            keys.delete(key)
          },
        },
      ),
      progress: () => {},
    }
  }

  static async make(
    name: PartyName,
    world: { readonly crypto: Crypto; readonly clock: Clock },
  ): Promise<Party> {
    const party = new Party(name, world, new Map(), new Map())
    await party.ports.vault.createPair(logSigningKey, name === 'log' ? 'ed25519' : 'p256')
    return party
  }

  /** Everything random that the party makes from now on follows from this. */
  seed(text: string): void {
    this.#entropy = scriptedEntropy(`party ${this.#name} ${text}`)
  }

  clone(): Party {
    return new Party(this.#name, this.#world, new Map(this.#files), new Map(this.#keys))
  }

  /** What the party's own files and keys hold, for a search. */
  contents(): Uint8Array[] {
    return [...this.#files.values(), ...[...this.#keys.values()].map(({ secret }) => secret)]
  }
}
