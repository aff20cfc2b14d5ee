import type { ChannelNeed } from '@sealwright/core/catalog'
import type { AwaitingExternalAuthenticate } from '@sealwright/core/channel/scp03'
import type { ModuleSession } from '@sealwright/core/channel/secure-messaging'

/**
 * Whom a channel is with. `module-proof`: SCP11b of a security domain, where the module alone has proven who it is; no command needs it,
 * and it serves those that need none.
 */
export type ChannelKind = Exclude<ChannelNeed, 'none'> | 'module-proof'

/** What is known of a channel before its session is there. */
export interface ChannelPurpose {
  readonly kind: ChannelKind
  /** The resource whose supplier speaks, in a supplier's channel. */
  readonly resource?: number
  /** SHA-256 of everything exchanged at set-up: what later signatures bind to. */
  readonly transcript?: Uint8Array
  /** Of a security domain's channel: how it was set up, and under which key. */
  readonly securityDomain?: {
    readonly protocol: 'scp03' | 'scp11a' | 'scp11b' | 'scp11c'
    /** Place of its key, of SCP03's ENC key. */
    readonly place: number
  }
}

/** A channel that is set up, and who is at its other end. */
export interface OpenChannel extends ChannelPurpose {
  readonly session: ModuleSession
}

interface Pending {
  readonly step: AwaitingExternalAuthenticate
  readonly purpose: ChannelPurpose
}

/** The one channel of the module's basic logical channel: pending set-up or open. */
export class Channels {
  #pending: Pending | undefined
  #open: OpenChannel | undefined
  /** Called whenever a channel ends, with what was bound to it still to be forgotten. */
  onClose: (() => void) | undefined

  get current(): OpenChannel | undefined {
    return this.#open
  }

  /** Takes the pending set-up away: a step is used once. */
  takePending(): Pending | undefined {
    const pending = this.#pending
    this.#pending = undefined
    return pending
  }

  /** EXTERNAL AUTHENTICATE must follow INITIALIZE UPDATE directly: anything else between ends the set-up. */
  dropPending(): void {
    this.#pending?.step.close()
    this.#pending = undefined
  }

  await(purpose: ChannelPurpose, step: AwaitingExternalAuthenticate): void {
    this.close()
    this.#pending = { purpose, step }
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
