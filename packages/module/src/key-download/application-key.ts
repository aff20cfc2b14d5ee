import {
  type KeyPlace,
  type KeyRecord,
  type KeyUse,
  parseKeyPlace,
  parseKeyRecord,
  permits,
} from '@sealwright/core/key-download'
import type { AesKey } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import { ParsedObject } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

interface Attributes {
  readonly laid: ParsedObject<KeyPlace>
  readonly record: ParsedObject<KeyRecord>
}

/**
 * The keys for applications, each for a use that its attributes name. A program reaches no other key: not T or TU, not KS1 (A1, B1).
 * A key that came with customization, not by IMPORT KEY, may do what its place is for.
 */
export class ApplicationKeys {
  readonly #parts: Pick<Parts, 'keys' | 'objects'>
  readonly #attributes = new Map<number, Attributes>()

  constructor(parts: Pick<Parts, 'keys' | 'objects'>) {
    this.#parts = parts
  }

  /** A handle of the store's. */
  key(place: number, use: KeyUse): AesKey {
    const { keys } = this.#parts
    const attributes = this.#of(place)
    const laid = attributes.laid.value()
    if (laid?.kind !== 'application' || !keys.has(place)) throw new Refusal('reference-not-found')
    // A limited key serves by MESSAGE CODE alone, which counts each use before it computes.
    if (this.#parts.objects.has('key-limit', place)) throw new Refusal('conditions-not-satisfied')
    const record = attributes.record.value()
    if (!permits(record?.attributes ?? { usage: laid.usage, mode: 'N' }, use)) {
      throw new Refusal('conditions-not-satisfied')
    }
    return keys.aes(place)
  }

  #of(place: number): Attributes {
    const known = this.#attributes.get(place)
    if (known !== undefined) return known
    if (this.#attributes.size >= most) this.#forget()
    const { objects } = this.#parts
    const attributes = {
      laid: new ParsedObject(objects, 'key-place', place, parseKeyPlace),
      record: new ParsedObject(objects, 'receipt', place, parseKeyRecord),
    }
    this.#attributes.set(place, attributes)
    return attributes
  }

  #forget(): void {
    for (const { laid, record } of this.#attributes.values()) {
      laid.end()
      record.end()
    }
    this.#attributes.clear()
  }
}

/** Places whose attributes are kept parsed. */
const most = 32
