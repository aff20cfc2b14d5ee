import { type Command, command, exchange, type Response } from '../../apdu/index.ts'
import { concat, equal, wipe } from '../../bytes/index.ts'
import { AuthError, RefusedError, UsageError } from '../../errors/index.ts'
import type { Crypto, EcPrivateKey, EcPublicKey, Transport } from '../../ports/index.ts'
import { HostSession } from '../secure-messaging/index.ts'
import {
  identitiesBit,
  type KeyAgreementRequest,
  keyUsage,
  parseKeyAgreementAnswer,
  type Scp11Variant,
  serializeKeyAgreementRequest,
  variantBits,
} from './messages.ts'
import {
  deriveScp11Keys,
  disposeScp11Keys,
  type Identities,
  receiptOver,
  sessionStart,
} from './session-keys.ts'

export interface Scp11HostOptions {
  readonly crypto: Crypto
  readonly variant: Scp11Variant
  /** Version and identifier of the module's key: P1 and P2. */
  readonly keyVersion: number
  readonly keyId: number
  /** PK.SD.ECKA, checked by the caller: from the module's certificate, or pinned. */
  readonly moduleKey: EcPublicKey
  /** 32 fresh bytes in 1..n-1 (`privateScalar`). Overwritten. */
  readonly ephemeralScalar: Uint8Array
  /** Variants a and c: the host's static key as its public point and ECDH with `moduleKey` (32 bytes, overwritten), so that it may lie in a vault. */
  readonly ownKey?: { readonly point: Uint8Array; readonly staticSecret: Uint8Array }
  /** Sets bit 04. Our own sessions always do. */
  readonly binding?: { readonly hostId: Uint8Array; readonly identities: Identities }
  /** 3C unless given. */
  readonly usage?: KeyAgreementRequest['usage']
  /** 16 unless given. */
  readonly keyLength?: 16 | 24 | 32
  readonly macLength?: 8 | 16
  /** Goes behind the request's objects, where the module does not know the host (general-authenticate/identification.ts); the HostID is of it. */
  readonly identification?: Uint8Array
}

/** Opens an SCP11 session. A refusal is a RefusedError, a wrong receipt or a reflected key an AuthError. */
export async function openScp11(transport: Transport, options: Scp11HostOptions): Promise<HostSession> {
  const { reply, next } = AwaitingReceipt.begin(options)
  try {
    return next.step(await exchange(transport, reply)).next
  } finally {
    next.close()
  }
}

/** The host after MUTUAL AUTHENTICATE (a, c) or INTERNAL AUTHENTICATE (b). */
export class AwaitingReceipt {
  readonly #options: Scp11HostOptions
  readonly #request: KeyAgreementRequest
  readonly #requestBytes: Uint8Array
  readonly #ephemeral: EcPrivateKey
  readonly #staticSecret: Uint8Array | undefined
  #spent = false

  private constructor(
    options: Scp11HostOptions,
    request: KeyAgreementRequest,
    requestBytes: Uint8Array,
    ephemeral: EcPrivateKey,
  ) {
    this.#options = options
    this.#request = request
    this.#requestBytes = requestBytes
    this.#ephemeral = ephemeral
    this.#staticSecret = options.ownKey?.staticSecret.slice()
    wipe(options.ownKey?.staticSecret)
  }

  static begin(options: Scp11HostOptions): { reply: Command; next: AwaitingReceipt } {
    const { crypto, variant, keyVersion, keyId, moduleKey, ownKey, binding, ephemeralScalar } = options
    const { usage = keyUsage.full, keyLength = 16 } = options
    if ((ownKey === undefined) !== (variant === 'b')) {
      throw new UsageError('variants a and c take a key of the host, b none')
    }
    if (ownKey !== undefined && equal(ownKey.point, moduleKey.point)) throw new AuthError()
    const ephemeral = crypto.ecPrivateKey(ephemeralScalar)
    wipe(ephemeralScalar)
    const request: KeyAgreementRequest = {
      parameters: variantBits(variant) | (binding === undefined ? 0 : identitiesBit),
      usage,
      keyLength,
      ephemeralPoint: ephemeral.publicPoint,
      ...(binding === undefined ? {} : { hostId: binding.hostId.slice() }),
    }
    const data = serializeKeyAgreementRequest(request)
    return {
      reply: command({
        cla: 0x80,
        ins: variant === 'b' ? 0x88 : 0x82,
        p1: keyVersion,
        p2: keyId,
        data: options.identification === undefined ? data : concat(data, options.identification),
        le: 0x100,
      }),
      next: new AwaitingReceipt(options, request, data, ephemeral),
    }
  }

  step(response: Response): { next: HostSession } {
    if (this.#spent) throw new UsageError('this step was taken')
    this.#spent = true
    try {
      return { next: this.#check(response) }
    } finally {
      this.close()
    }
  }

  /** Forgets the ephemeral key. */
  close(): void {
    this.#spent = true
    this.#ephemeral[Symbol.dispose]()
    wipe(this.#staticSecret)
  }

  #check(response: Response): HostSession {
    if (response.sw !== 0x9000) {
      const sw = response.sw.toString(16).toUpperCase()
      throw new RefusedError(response.sw, `the module refused the key agreement with ${sw}`)
    }
    const { crypto, variant, moduleKey, ownKey, binding, macLength = 8 } = this.#options
    const { point, receipt } = parseKeyAgreementAnswer(response.data)
    if (equal(point, this.#ephemeral.publicPoint) || (ownKey !== undefined && equal(point, ownKey.point))) {
      throw new AuthError()
    }
    if (variant === 'c' && !equal(point, moduleKey.point)) throw new AuthError()
    const first = this.#ephemeral.agree(crypto.ecPublicKey(point))
    const second = this.#staticSecret ?? this.#ephemeral.agree(moduleKey)
    const keys = deriveScp11Keys(crypto, [first, second], this.#request, binding?.identities)
    wipe(first, second)
    if (!equal(receiptOver(keys.receipt, this.#requestBytes, point), receipt)) {
      disposeScp11Keys(keys)
      throw new AuthError()
    }
    keys.receipt[Symbol.dispose]()
    return new HostSession(sessionStart(keys, this.#request, receipt, macLength))
  }
}
