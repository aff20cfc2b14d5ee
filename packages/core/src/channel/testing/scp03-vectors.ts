import { parseCommand, serializeCommand } from '../../apdu/index.ts'
import { concat, decodeHex, encodeHex } from '../../bytes/index.ts'
import { kcvGlobalPlatform, kdf3, scp03Kdf } from '../../crypto/index.ts'
import type { AesKey, Crypto } from '../../ports/index.ts'
import {
  AwaitingExternalAuthenticate,
  AwaitingInitializeUpdateAnswer,
  parseInitializeUpdateAnswer,
  parseInitializeUpdateRequest,
  pseudoRandomChallenge,
  scp03Parameter,
} from '../scp03/index.ts'
import { deriveSessionKeys } from '../scp03/session-keys.ts'
import { isSecurityLevel, type SecurityLevel } from '../secure-messaging/index.ts'
import { checkHost, checkModule, Mismatches, type ProtectedCommandVector } from './session-vectors.ts'

interface Named {
  readonly name: string
  readonly source: string
}

/** A case of vectors/scp03.json; all byte strings in hex, answers of INITIALIZE UPDATE without status word. */
export type Scp03Vector = Named &
  (
    | Scp03SessionVector
    | { kind: 'kdf'; key: string; constant: number; context: string; bits: number; output: string }
    | { kind: 'cmac'; key: string; message: string; mac: string }
    | { kind: 'rmac'; key: string; chaining: string; answer: string }
    | { kind: 'kcv'; key: string; kcv: string }
    | { kind: 'kdf3'; key: string; diversificationData: string; kcvs?: readonly string[]; firstKey?: string }
  )

interface Scp03SessionVector {
  readonly kind: 'session'
  readonly keys: { readonly enc: string; readonly mac: string; readonly dek?: string }
  /** AID behind the pseudo-random challenge, where it is known. */
  readonly aid?: string
  readonly initializeUpdate: string
  readonly initializeUpdateAnswer: string
  readonly externalAuthenticate: string
  readonly sEnc: string
  readonly sMac: string
  readonly sRmac: string
  readonly commands: readonly ProtectedCommandVector[]
}

/** What a backend computes otherwise than the vector says, host and module side; empty when all agrees. */
export function scp03Mismatches(crypto: Crypto, vector: Scp03Vector): string[] {
  const found = new Mismatches()
  switch (vector.kind) {
    case 'session':
      checkSession(found, crypto, vector)
      break
    case 'kdf': {
      const { constant, context, bits, output } = vector
      found.same('output', scp03Kdf(aes(crypto, vector.key), constant, decodeHex(context), bits), output)
      break
    }
    case 'cmac':
      found.same('MAC', aes(crypto, vector.key).cmac(decodeHex(vector.message)).subarray(0, 8), vector.mac)
      break
    case 'rmac':
      checkResponseMac(found, crypto, vector)
      break
    case 'kcv':
      found.same('KCV', kcvGlobalPlatform(aes(crypto, vector.key)), vector.kcv)
      break
    case 'kdf3':
      checkKdf3(found, crypto, vector)
      break
  }
  return found.list
}

function checkSession(found: Mismatches, crypto: Crypto, vector: Scp03SessionVector): void {
  const keys = { enc: aes(crypto, vector.keys.enc), mac: aes(crypto, vector.keys.mac) }
  const initializeUpdate = parseCommand(decodeHex(vector.initializeUpdate))
  const { hostChallenge, keyVersion } = parseInitializeUpdateRequest(initializeUpdate)
  const answerBytes = decodeHex(vector.initializeUpdateAnswer)
  const answer = parseInitializeUpdateAnswer(answerBytes)
  const externalAuthenticate = parseCommand(decodeHex(vector.externalAuthenticate))
  const aid = vector.aid === undefined ? undefined : decodeHex(vector.aid)

  const derived = deriveSessionKeys(crypto, keys, concat(hostChallenge, answer.cardChallenge))
  found.sameKey('S-ENC', crypto, derived.enc, vector.sEnc)
  found.sameKey('S-MAC', crypto, derived.mac, vector.sMac)
  found.sameKey('S-RMAC', crypto, derived.rmac, vector.sRmac)

  const first = AwaitingInitializeUpdateAnswer.begin({
    crypto,
    keys,
    keyVersion,
    level: levelOf(externalAuthenticate.p1),
    hostChallenge,
    ...(aid === undefined ? {} : { aid }),
  })
  found.same('INITIALIZE UPDATE', serializeCommand(first.reply), vector.initializeUpdate)
  const second = first.next.step({ data: answerBytes, sw: 0x9000 })
  found.same('EXTERNAL AUTHENTICATE', serializeCommand(second.reply), vector.externalAuthenticate)
  checkHost(found, second.next.step({ data: new Uint8Array(0), sw: 0x9000 }).next, vector.commands)

  const { sequenceCounter, diversificationData } = answer
  const begun = AwaitingExternalAuthenticate.begin(initializeUpdate, {
    crypto,
    keys,
    keyVersion: answer.keyVersion,
    diversificationData,
    i: answer.i & ~scp03Parameter.s16,
    s16: true,
    cardChallenge: (length) =>
      aid === undefined || sequenceCounter === undefined
        ? answer.cardChallenge
        : pseudoRandomChallenge(keys.enc, sequenceCounter, aid, length),
    ...(sequenceCounter === undefined ? {} : { sequenceCounter }),
  })
  found.same('answer of INITIALIZE UPDATE', begun.reply ?? new Uint8Array(0), vector.initializeUpdateAnswer)
  const session = begun.next?.step(externalAuthenticate).next
  if (session === undefined) found.list.push('the module refused EXTERNAL AUTHENTICATE')
  else checkModule(found, session, vector.commands)
}

function checkResponseMac(
  found: Mismatches,
  crypto: Crypto,
  { key, chaining, answer }: { key: string; chaining: string; answer: string },
): void {
  // C-MAC and R-MAC only; the chaining value of the vector is that after the command, so the R-MAC is computed directly.
  const bytes = decodeHex(answer)
  const [data, mac, sw] = [bytes.subarray(0, -10), bytes.subarray(-10, -2), bytes.subarray(-2)]
  const computed = aes(crypto, key).cmac(decodeHex(chaining), data, sw).subarray(0, 8)
  found.same('R-MAC', computed, encodeHex(mac))
}

function checkKdf3(
  found: Mismatches,
  crypto: Crypto,
  vector: { key: string; diversificationData: string; kcvs?: readonly string[]; firstKey?: string },
): void {
  const derive = (id: 1 | 2 | 3) => kdf3(aes(crypto, vector.key), id, decodeHex(vector.diversificationData))
  if (vector.firstKey !== undefined) found.same('key 1', derive(1), vector.firstKey)
  vector.kcvs?.forEach((kcv, index) => {
    found.same(
      `KCV of key ${index + 1}`,
      kcvGlobalPlatform(crypto.aes(derive((index + 1) as 1 | 2 | 3))),
      kcv,
    )
  })
}

function aes(crypto: Crypto, hex: string): AesKey {
  return crypto.aes(decodeHex(hex))
}

function levelOf(byte: number): SecurityLevel {
  return isSecurityLevel(byte) ? byte : 0x00
}
