import { parseCommand, serializeCommand } from '../../apdu/index.ts'
import { decodeHex, encodeHex } from '../../bytes/index.ts'
import type { Crypto } from '../../ports/index.ts'
import {
  AwaitingReceipt,
  agreeKeys,
  deriveScp11Keys,
  type Identities,
  parseKeyAgreementAnswer,
  parseKeyAgreementRequest,
  type Scp11Variant,
} from '../scp11/index.ts'
import { receiptOver, sessionStart } from '../scp11/session-keys.ts'
import { ModuleSession } from '../secure-messaging/index.ts'
import { checkHost, checkModule, Mismatches, type ProtectedCommandVector } from './session-vectors.ts'

/** A case of vectors/scp11.json; all byte strings in hex, private keys as scalars, answers without status word. */
export interface Scp11Vector {
  readonly name: string
  readonly source: string
  readonly variant: Scp11Variant
  readonly hostStatic?: string
  readonly hostEphemeral: string
  readonly moduleStaticPoint: string
  /** The module's private keys, where they are known. */
  readonly moduleStatic?: string
  readonly moduleEphemeral?: string
  readonly keyVersion: number
  readonly keyId: number
  readonly keyLength: 16 | 24 | 32
  readonly macLength: 8 | 16
  /** Bit 04: identities enter the derivation. */
  readonly hostId?: string
  readonly sin?: string
  readonly sdin?: string
  readonly command: string
  readonly answer: string
  readonly sharedSecrets: readonly [string, string]
  readonly receiptKey?: string
  readonly sEnc?: string
  readonly sMac?: string
  readonly sRmac?: string
  readonly sDek?: string
  readonly commands: readonly ProtectedCommandVector[]
}

/** What a backend computes otherwise than the vector says, host and module side; empty when all agrees. */
export function scp11Mismatches(crypto: Crypto, vector: Scp11Vector): string[] {
  const found = new Mismatches()
  checkDerivation(found, crypto, vector)
  checkHostSide(found, crypto, vector)
  if (vector.moduleStatic !== undefined) checkModuleSide(found, crypto, vector, vector.moduleStatic)
  return found.list
}

function checkDerivation(found: Mismatches, crypto: Crypto, vector: Scp11Vector): void {
  const { data } = parseCommand(decodeHex(vector.command))
  const request = parseKeyAgreementRequest(data)
  const [first, second] = vector.sharedSecrets
  const keys = deriveScp11Keys(crypto, [decodeHex(first), decodeHex(second)], request, identitiesOf(vector))
  const { receiptKey, sEnc, sMac, sRmac, sDek } = vector
  if (receiptKey !== undefined) found.sameKey('receipt key', crypto, keys.receipt, receiptKey)
  if (sEnc !== undefined) found.sameKey('S-ENC', crypto, keys.session.enc, sEnc)
  if (sMac !== undefined) found.sameKey('S-MAC', crypto, keys.session.mac, sMac)
  if (sRmac !== undefined) found.sameKey('S-RMAC', crypto, keys.session.rmac, sRmac)
  if (sDek !== undefined) found.sameKey('S-DEK', crypto, keys.session.dek, sDek)
  const { point, receipt } = parseKeyAgreementAnswer(decodeHex(vector.answer))
  const computed = receiptOver(keys.receipt, data, point)
  found.same('receipt', computed, encodeHex(receipt))
  const session = new ModuleSession(sessionStart(keys, request, computed, vector.macLength))
  checkModule(found, session, vector.commands)
}

function checkHostSide(found: Mismatches, crypto: Crypto, vector: Scp11Vector): void {
  const { variant, keyVersion, keyId, keyLength, macLength, hostStatic, hostId } = vector
  const identities = identitiesOf(vector)
  const moduleKey = crypto.ecPublicKey(decodeHex(vector.moduleStaticPoint))
  const own = hostStatic === undefined ? undefined : crypto.ecPrivateKey(decodeHex(hostStatic))
  const { reply, next } = AwaitingReceipt.begin({
    crypto,
    variant,
    keyVersion,
    keyId,
    keyLength,
    macLength,
    moduleKey,
    ephemeralScalar: decodeHex(vector.hostEphemeral),
    ...(hostId === undefined || identities === undefined
      ? {}
      : { binding: { hostId: decodeHex(hostId), identities } }),
    ...(own === undefined ? {} : { ownKey: { point: own.publicPoint, staticSecret: own.agree(moduleKey) } }),
  })
  found.same('key agreement', serializeCommand(reply), vector.command)
  checkHost(found, next.step({ data: decodeHex(vector.answer), sw: 0x9000 }).next, vector.commands)
}

function checkModuleSide(found: Mismatches, crypto: Crypto, vector: Scp11Vector, moduleStatic: string): void {
  const { variant, macLength, hostStatic, moduleEphemeral } = vector
  const identities = identitiesOf(vector)
  const peer = hostStatic === undefined ? undefined : crypto.ecPrivateKey(decodeHex(hostStatic)).publicPoint
  const step = agreeKeys(parseCommand(decodeHex(vector.command)), {
    crypto,
    variant,
    macLength,
    staticKey: crypto.ecPrivateKey(decodeHex(moduleStatic)),
    ...(moduleEphemeral === undefined ? {} : { ephemeralScalar: decodeHex(moduleEphemeral) }),
    ...(identities === undefined ? {} : { identities }),
    ...(peer === undefined ? {} : { peerKey: crypto.ecPublicKey(peer) }),
  })
  if (step.refused !== undefined) {
    found.list.push('the module refused the key agreement')
    return
  }
  found.same('answer', step.reply, vector.answer)
  checkModule(found, step.next, vector.commands)
}

function identitiesOf({ sin, sdin }: Scp11Vector): Identities | undefined {
  return sin === undefined || sdin === undefined ? undefined : { sin: decodeHex(sin), sdin: decodeHex(sdin) }
}
