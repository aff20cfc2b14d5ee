import { InternalError } from '@sealwright/core/errors'
import { serializeKeyInformation } from '@sealwright/core/globalplatform'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'events' | 'serial'>

/**
 * Events of what the security domains did (catalog/events.ts says what each digest covers). Certificates that were checked under keys
 * and lists which are no more are forgotten.
 */
export function recordDomainKeys(
  parts: Needs & Pick<Parts, 'domainKeys' | 'registry' | 'offCard'>,
  tx: Transaction,
  domain: number,
): void {
  parts.offCard.forget()
  const entry = parts.registry.find(domain)
  if (entry === undefined) throw new InternalError(`there is no security domain ${domain}`)
  const keys = serializeKeyInformation(parts.domainKeys.information(domain))
  record(parts, tx, 'card-keys-changed', entry.aid, keys)
}

export function recordContent(parts: Needs, tx: Transaction, aid: Uint8Array, state: number): void {
  record(parts, tx, 'card-content-changed', aid, Uint8Array.of(state))
}

export function recordCardState(parts: Needs, tx: Transaction, state: number): void {
  record(parts, tx, 'card-state-changed', Uint8Array.of(state))
}

function record(
  { crypto, events, serial }: Needs,
  tx: Transaction,
  type: 'card-keys-changed' | 'card-content-changed' | 'card-state-changed',
  ...covered: readonly Uint8Array[]
): void {
  const number = serial()
  if (number === undefined) throw new InternalError('a security domain on a chip without serial number')
  events.record(tx, type, number, crypto.sha256(...covered))
}
