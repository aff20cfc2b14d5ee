import { parseCommand, parseResponse, serializeCommand, serializeResponse } from '../../apdu/index.ts'
import { decodeHex, encodeHex, equal } from '../../bytes/index.ts'
import type { AesKey, Crypto } from '../../ports/index.ts'
import type { HostSession, ModuleSession } from '../secure-messaging/index.ts'

/** One command of a session, plain and as it crosses the wire; answers with their status words. Hex. */
export interface ProtectedCommandVector {
  readonly plain: string
  readonly protected: string
  readonly plainAnswer?: string
  readonly protectedAnswer?: string
  /** `yubikit`: empty data is padded and encrypted; no host of ours sends that. */
  readonly dialect?: 'yubikit'
  /** `long`: the card padded its answer by a block more than it must; a module of ours does not. */
  readonly padding?: 'long'
}

/** Collects what differs. */
export class Mismatches {
  readonly list: string[] = []

  same(what: string, actual: Uint8Array, expectedHex: string): void {
    const expected = encodeHex(decodeHex(expectedHex))
    if (encodeHex(actual) !== expected)
      this.list.push(`${what}: expected ${expected}, got ${encodeHex(actual)}`)
  }

  sameKey(what: string, crypto: Crypto, actual: AesKey, expectedHex: string): void {
    const expected = crypto.aes(decodeHex(expectedHex))
    const block = new Uint8Array(16)
    const agrees =
      actual.length === expected.length && equal(actual.encryptBlock(block), expected.encryptBlock(block))
    if (!agrees) this.list.push(`${what} differs`)
  }
}

export function checkHost(
  found: Mismatches,
  session: HostSession,
  commands: readonly ProtectedCommandVector[],
): void {
  for (const vector of commands) {
    if (vector.dialect !== undefined) return
    const wrapped = session.wrap(parseCommand(decodeHex(vector.plain)))
    found.same(`host, command ${vector.plain}`, serializeCommand(wrapped), vector.protected)
    if (vector.protectedAnswer === undefined || vector.plainAnswer === undefined) continue
    const answer = session.unwrap(parseResponse(decodeHex(vector.protectedAnswer)))
    found.same(`host, answer to ${vector.plain}`, serializeResponse(answer), vector.plainAnswer)
  }
}

export function checkModule(
  found: Mismatches,
  session: ModuleSession,
  commands: readonly ProtectedCommandVector[],
): void {
  for (const vector of commands) {
    const { command } = session.unwrap(parseCommand(decodeHex(vector.protected)))
    if (command === undefined) {
      found.list.push(`module, command ${vector.plain}: refused`)
      return
    }
    found.same(`module, command ${vector.plain}`, serializeCommand(command), vector.plain)
    if (vector.protectedAnswer === undefined || vector.plainAnswer === undefined) continue
    if (vector.padding === 'long') continue
    const answer = session.wrap(parseResponse(decodeHex(vector.plainAnswer)))
    found.same(`module, answer to ${vector.plain}`, serializeResponse(answer), vector.protectedAnswer)
  }
}
