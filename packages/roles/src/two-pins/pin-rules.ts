import { encodeCanonical, MapReader } from '@sealwright/core/cbor'

/** That two PINs are asked for at all, and by whom a person is unlocked. */
export interface PinRules {
  /** Name of the key in the vault that two people guard. */
  readonly key: string
  /** Key id of it, 16 bytes. */
  readonly actor: Uint8Array
  /** Point of the central system, 65 bytes: it unlocks. */
  readonly central: Uint8Array
  /** What the next reset must name, 16 random bytes. */
  readonly nonce: Uint8Array
}

export function serializePinRules({ key, actor, central, nonce }: PinRules): Uint8Array {
  return encodeCanonical({ v: 1, format: 'sealwright PIN rules', key, actor, central, nonce })
}

export function parsePinRules(bytes: Uint8Array): PinRules {
  const r = MapReader.of(bytes, 'PIN rules')
  r.begin('PIN rules')
  const rules: PinRules = {
    key: r.text('key'),
    actor: r.bytes('actor', 16),
    central: r.bytes('central', 65),
    nonce: r.bytes('nonce', 16),
  }
  r.end()
  return rules
}
