import type { OceCertificate } from '@sealwright/core/globalplatform'
import type { DomainKey } from './domain-keys.ts'

/** An off-card entity whose certificates were checked, until MUTUAL AUTHENTICATE takes it. */
export interface CheckedEntity {
  /** PK.OCE.ECKA, 65 bytes. */
  readonly point: Uint8Array
  /** Place of the CA key that its chain hangs on. */
  readonly authority: number
}

/** A chain whose leaf has not come yet. */
export interface OpenChain {
  readonly chain: readonly OceCertificate[]
  readonly authority: DomainKey
}

/** What PERFORM SECURITY OPERATION has checked so far; volatile. */
export class OffCardEntity {
  #checked: CheckedEntity | undefined
  #open: OpenChain | undefined

  get open(): OpenChain | undefined {
    return this.#open
  }

  /** A certificate holds, and more follow. */
  goOn(chain: OpenChain): void {
    this.forget()
    this.#open = chain
  }

  /** The leaf holds. */
  complete(entity: CheckedEntity): void {
    this.forget()
    this.#checked = entity
  }

  /** Takes the entity: it serves one key agreement. */
  take(): CheckedEntity | undefined {
    const checked = this.#checked
    this.forget()
    return checked
  }

  forget(): void {
    this.#checked = undefined
    this.#open = undefined
  }
}
