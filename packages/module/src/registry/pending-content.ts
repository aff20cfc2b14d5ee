import { LoadFileCollector, StoreDataCollector } from '@sealwright/core/globalplatform'

/** A load file on its way in. */
export interface PendingLoad {
  readonly aid: Uint8Array
  /** Number of the security domain it will belong to. */
  readonly domain: number
  /** SHA-256 that the data block must have; empty when none was named. */
  readonly hash: Uint8Array
  readonly collector: LoadFileCollector
}

/** What INSTALL has begun and LOAD or STORE DATA go on with; volatile, and gone with the channel. */
export class PendingContent {
  load: PendingLoad | undefined
  /** Number of the entry that STORE DATA goes to. */
  personalized: number | undefined
  #data: StoreDataCollector | undefined

  beginLoad(load: Omit<PendingLoad, 'collector'>, limit: number): void {
    this.forget()
    this.load = { ...load, collector: new LoadFileCollector(limit) }
  }

  /** Collects the blocks of one STORE DATA; a first block begins anew. */
  data(number: number): StoreDataCollector {
    if (number === 0 || this.#data === undefined) this.#data = new StoreDataCollector(storedDataLimit)
    return this.#data
  }

  forget(): void {
    this.load = undefined
    this.personalized = undefined
    this.#data = undefined
  }
}

/** Bytes of the content of one STORE DATA. */
const storedDataLimit = 0x4000
