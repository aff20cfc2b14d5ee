import type { Nvm } from '../eeprom/index.ts'

/** One resource as DEF describes it. */
export interface Definition {
  readonly id: number
  readonly aid: Uint8Array
}

/** The definition zone DEF and the resources it defines. */
export class Definitions {
  readonly #nvm: Nvm

  constructor(nvm: Nvm) {
    this.#nvm = nvm
  }

  list(): Definition[] {
    void this.#nvm
    return []
  }

  /** Every resource: id(1) state(1) start(4) end(4) AID LV. */
  summary(): Uint8Array {
    return new Uint8Array(0)
  }

  /** The supplier's public point of a resource that may be set up a channel with. */
  supplierKey(_id: number): Uint8Array | undefined {
    return undefined
  }

  byAid(aid: Uint8Array): Definition | undefined {
    return this.list().find((definition) => definition.aid.every((byte, i) => byte === aid[i]))
  }
}
