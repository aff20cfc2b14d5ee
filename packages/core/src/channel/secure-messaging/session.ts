import type { Command } from '../../apdu/index.ts'
import { concat, equal, u16, wipe } from '../../bytes/index.ts'
import { UsageError } from '../../errors/index.ts'
import type { AesKey } from '../../ports/index.ts'

/** Session keys as handles. The session that is started with them owns them, `dek` too, and disposes of them. */
export interface SessionKeys {
  readonly enc: AesKey
  readonly mac: AesKey
  readonly rmac: AesKey
  /** Decrypts keys inside the data of commands: SCP11's S-DEK, or SCP03's static Key-DEK. */
  readonly dek?: AesKey
}

/** Flags of the security level (SCP03, EXTERNAL AUTHENTICATE P1). */
export const level = { cMac: 0x01, cEnc: 0x02, rMac: 0x10, rEnc: 0x20 } as const

export const securityLevels = [0x00, 0x01, 0x03, 0x11, 0x13, 0x33] as const
export type SecurityLevel = (typeof securityLevels)[number]

export function isSecurityLevel(byte: number): byte is SecurityLevel {
  return (securityLevels as readonly number[]).includes(byte)
}

export interface SessionStart {
  readonly keys: SessionKeys
  readonly level: SecurityLevel
  /** MAC chaining value, 16 bytes: the MAC of EXTERNAL AUTHENTICATE (SCP03) or the receipt (SCP11). Copied. */
  readonly chaining: Uint8Array
  /** Bytes of a MAC on the wire: 8 (S8, default) or 16 (S16). */
  readonly macLength?: 8 | 16
}

/** What both ends of a session keep: keys, MAC chaining value and encryption counter (SCP03 1.1.2, 6.2). */
export class SessionState {
  readonly level: SecurityLevel
  readonly macLength: 8 | 16
  readonly #keys: SessionKeys
  readonly #chaining: Uint8Array
  readonly #counter = new Uint8Array(16)
  #closed = false

  constructor({ keys, level, chaining, macLength = 8 }: SessionStart) {
    if (chaining.length !== 16)
      throw new UsageError(`expected a chaining value of 16 bytes, got ${chaining.length}`)
    this.level = level
    this.macLength = macLength
    this.#keys = keys
    this.#chaining = chaining.slice()
  }

  get closed(): boolean {
    return this.#closed
  }

  get keys(): SessionKeys {
    if (this.#closed) throw new UsageError('the session is closed')
    return this.#keys
  }

  has(flag: number): boolean {
    return (this.level & flag) !== 0
  }

  /** Every command counts, with data or without, also one that is refused later. */
  count(): void {
    for (let i = 15; i >= 0; i--) {
      this.#counter[i] = (this.#counter[i]! + 1) & 0xff
      if (this.#counter[i] !== 0) return
    }
  }

  /** ICV of the command last counted, or of its answer. */
  icv(direction: 'command' | 'response'): Uint8Array {
    const block = this.#counter.slice()
    if (direction === 'response') block[0] = 0x80
    return this.keys.enc.encryptBlock(block)
  }

  /** The whole C-MAC of `body` under the header of `command`, and the next chaining value. */
  macCommand(command: Command, body: Uint8Array): Uint8Array {
    const mac = commandMac(this.keys.mac, this.#chaining, command, body, this.macLength)
    this.#chaining.set(mac)
    return mac.subarray(0, this.macLength)
  }

  /** The body of a protected command whose MAC is right; the MAC becomes the chaining value. */
  checkCommand(command: Command): Uint8Array | undefined {
    const checked = checkCommandMac(this.keys.mac, this.#chaining, command, this.macLength)
    if (checked === undefined) return undefined
    this.#chaining.set(checked.mac)
    return checked.body
  }

  responseMac(data: Uint8Array, sw: number): Uint8Array {
    return this.keys.rmac.cmac(this.#chaining, data, u16(sw)).subarray(0, this.macLength)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    disposeKeys(this.#keys)
    wipe(this.#chaining, this.#counter)
  }
}

/**
 * C-MAC, 16 bytes, over chaining value ‖ CLA' INS P1 P2 ‖ Lc' ‖ body (SCP03 6.2.4). CLA' has logical channel zero and b3 set;
 * Lc' counts the MAC, in one byte, or three when the length needs it or the command is extended.
 */
export function commandMac(
  key: AesKey,
  chaining: Uint8Array,
  { cla, ins, p1, p2, extended }: Command,
  body: Uint8Array,
  macLength: 8 | 16,
): Uint8Array {
  const header = Uint8Array.of((cla & 0x80) | 0x04, ins, p1, p2)
  const length = body.length + macLength
  const lc = extended || length > 0xff ? concat(Uint8Array.of(0), u16(length)) : Uint8Array.of(length)
  return key.cmac(chaining, header, lc, body)
}

/**
 * Splits and checks a protected command. Lc' is tried as the command arrived, then in the other form.
 * Class 04 or 84 only: the MAC does not cover the bits of chaining and logical channel, so a session serves the basic one.
 */
export function checkCommandMac(
  key: AesKey,
  chaining: Uint8Array,
  command: Command,
  macLength: 8 | 16,
): { readonly body: Uint8Array; readonly mac: Uint8Array } | undefined {
  const end = command.data.length - macLength
  if ((command.cla & 0x7f) !== 0x04 || end < 0) return undefined
  const body = command.data.subarray(0, end)
  for (const extended of [command.extended, !command.extended]) {
    const mac = commandMac(key, chaining, { ...command, extended }, body, macLength)
    if (equal(mac.subarray(0, macLength), command.data.subarray(end))) return { body, mac }
  }
  return undefined
}

export function disposeKeys(keys: SessionKeys): void {
  for (const key of [keys.enc, keys.mac, keys.rmac, keys.dek]) key?.[Symbol.dispose]()
}

/** Class bits of secure messaging: GlobalPlatform 2.3.1, 11.1.4; logical channels 4 to 19 have their own form. */
export function isProtected(cla: number): boolean {
  return (cla & 0x40) !== 0 ? (cla & 0x20) !== 0 : (cla & 0x0c) === 0x04
}

export function withProtection(cla: number): number {
  return cla | ((cla & 0x40) !== 0 ? 0x20 : 0x04)
}

export function withoutProtection(cla: number): number {
  return cla & ~((cla & 0x40) !== 0 ? 0x20 : 0x0c)
}
