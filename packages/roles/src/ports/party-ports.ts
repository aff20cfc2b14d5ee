import type { Clock, Crypto, Entropy } from '@sealwright/core/ports'
import type { KeyVault } from './key-vault.ts'
import type { PartyName } from './parties.ts'
import type { Store } from './store.ts'

/** Everything a party's verb reaches beside its input and the module. */
export interface PartyPorts {
  readonly party: PartyName
  readonly crypto: Crypto
  readonly clock: Clock
  readonly entropy: Entropy
  readonly store: Store
  readonly vault: KeyVault
  /** One line for the person who waits. */
  progress(text: string): void
}
