import type { ChannelForm, ChannelNeed } from '@sealwright/core/catalog'
import type { PendingExchange } from '@sealwright/core/channel/general-authenticate'
import type { AwaitingExternalAuthenticate } from '@sealwright/core/channel/scp03'
import type { ModuleSession } from '@sealwright/core/channel/secure-messaging'
import type { ChannelPeer } from './peer.ts'

/**
 * Whom a channel is with. `module-proof`: SCP11b of a security domain, where the module alone has proven who it is; no command needs it,
 * and it serves those that need none.
 */
export type ChannelKind = Exclude<ChannelNeed, 'none'> | 'module-proof'

/** What is known of a channel before its session is there. */
export interface ChannelPurpose {
  readonly kind: ChannelKind
  /** Of a channel that serves personalization: what it was set up as. */
  readonly form?: ChannelForm
  /** Who has proven to be at the other end, where the module learned that from certificates. */
  readonly peer?: ChannelPeer
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

/** A set-up between two commands, by what goes on with it. */
export type PendingChannel =
  | {
      readonly by: 'EXTERNAL AUTHENTICATE'
      readonly step: AwaitingExternalAuthenticate
      readonly purpose: ChannelPurpose
    }
  | {
      readonly by: 'GENERAL AUTHENTICATE'
      readonly step: PendingExchange<ChannelPeer>
      readonly purpose: ChannelPurpose
    }

type Goer = PendingChannel['by']

/** The one channel of the module's basic logical channel: pending set-up or open. */
export class Channels {
  #pending: PendingChannel | undefined
  #open: OpenChannel | undefined
  /** Called whenever a channel ends, with what was bound to it still to be forgotten. */
  onClose: (() => void) | undefined

  get current(): OpenChannel | undefined {
    return this.#open
  }

  /** The command that the pending set-up waits for. */
  get awaited(): Goer | undefined {
    return this.#pending?.by
  }

  /** Takes the set-up away that waits for this command: a step is used once. */
  takePending<By extends Goer>(by: By): Extract<PendingChannel, { by: By }> | undefined {
    const pending = this.#pending
    if (pending?.by !== by) return undefined
    this.#pending = undefined
    return pending as Extract<PendingChannel, { by: By }>
  }

  /** The next step of a set-up must follow directly: anything else between ends it. */
  dropPending(): void {
    this.#pending?.step.close()
    this.#pending = undefined
  }

  await(pending: PendingChannel): void {
    this.close()
    this.#pending = pending
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
