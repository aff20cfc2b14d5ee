import type { ChannelNeed } from '@sealwright/core/catalog'
import type { AwaitingExternalAuthenticate } from '@sealwright/core/channel/scp03'
import type { ModuleSession } from '@sealwright/core/channel/secure-messaging'

/** A channel that is set up, and who is at its other end. */
export interface OpenChannel {
  readonly kind: Exclude<ChannelNeed, 'none'>
  readonly session: ModuleSession
  /** The resource whose supplier speaks, in a supplier's channel. */
  readonly resource?: number
  /** SHA-256 of everything exchanged at set-up: what later signatures bind to. */
  readonly transcript?: Uint8Array
}

/** The one channel of the module's basic logical channel: pending set-up or open. */
export class Channels {
  #pending:
    | { readonly step: AwaitingExternalAuthenticate; readonly kind: 'customization' | 'document' }
    | undefined
  #open: OpenChannel | undefined
  /** Called whenever a channel ends, with what was bound to it still to be forgotten. */
  onClose: (() => void) | undefined

  get current(): OpenChannel | undefined {
    return this.#open
  }

  /** Takes the pending set-up away: a step is used once. */
  takePending():
    | { readonly step: AwaitingExternalAuthenticate; readonly kind: 'customization' | 'document' }
    | undefined {
    const pending = this.#pending
    this.#pending = undefined
    return pending
  }

  /** EXTERNAL AUTHENTICATE must follow INITIALIZE UPDATE directly: anything else between ends the set-up. */
  dropPending(): void {
    this.#pending?.step.close()
    this.#pending = undefined
  }

  await(kind: 'customization' | 'document', step: AwaitingExternalAuthenticate): void {
    this.close()
    this.#pending = { kind, step }
  }

  open(channel: OpenChannel): void {
    this.close()
    this.#open = channel
  }

  close(): void {
    this.dropPending()
    this.#open?.session.close()
    this.#open = undefined
    this.onClose?.()
  }
}
