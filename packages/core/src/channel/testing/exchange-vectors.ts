import { command } from '../../apdu/index.ts'
import { concat, decodeHex } from '../../bytes/index.ts'
import { PeerError } from '../../errors/index.ts'
import type { Crypto, EcPrivateKey, Transport } from '../../ports/index.ts'
import {
  agreeEphemeral,
  beginDhSigned,
  beginSignedKey,
  exchangeKey,
  type OpenedExchange,
  openDhSigned,
  openEphemeral,
  openSignedKey,
  type Peer,
  type PendingExchange,
} from '../general-authenticate/index.ts'
import type { HostSession } from '../secure-messaging/index.ts'
import { Mismatches } from './session-vectors.ts'

/** A case of vectors/general-authenticate.json; byte strings in hex, answers without status word, commands without header and Le. */
export interface ExchangeVector {
  readonly name: string
  readonly form: 'ephemeral' | 'dh-signed' | 'signed-key'
  readonly p1: number
  readonly p2: number
  readonly resource: number
  readonly sin: string
  readonly serial: string
  readonly hostEphemeral: string
  readonly moduleEphemeral: string
  readonly exchangeKey: string
  readonly hostStatic?: string
  readonly moduleStatic?: string
  readonly moduleCertificate?: string
  readonly identification?: string
  readonly messages: readonly { readonly cla: string; readonly data: string; readonly answer: string }[]
  readonly transcript: string
  readonly command: {
    readonly plain: string
    readonly protected: string
    readonly plainAnswer: string
    readonly answer: string
  }
}

/** What a backend computes otherwise than the vector says, host and module side; empty when all agrees. */
export async function exchangeMismatches(crypto: Crypto, vector: ExchangeVector): Promise<string[]> {
  const found = new Mismatches()
  const context = { p1: vector.p1, p2: vector.p2, suite: 1, sin: hex(vector.sin), serial: hex(vector.serial) }
  const module = crypto.ecPrivateKey(hex(vector.moduleEphemeral))
  const z = crypto.ecPrivateKey(hex(vector.hostEphemeral)).agree(crypto.ecPublicKey(module.publicPoint))
  found.sameKey('exchange key', crypto, exchangeKey(crypto, z, context), vector.exchangeKey)
  if (z.some((byte) => byte !== 0)) found.list.push('the shared secret is not wiped')
  await checkHostSide(found, crypto, vector)
  checkModuleSide(found, crypto, vector)
  return found.list
}

async function checkHostSide(found: Mismatches, crypto: Crypto, vector: ExchangeVector): Promise<void> {
  const session = await openedHost(crypto, vector, scripted(found, vector))
  const { plain, protected: wire, plainAnswer, answer } = vector.command
  found.same('host, command', session.wrap(sample(plain)).data, wire)
  found.same('host, answer', session.unwrap({ data: hex(answer), sw: 0x9000 }).data, plainAnswer)
}

/** The module of the case; what it is asked has to be what the case says. */
function scripted(found: Mismatches, { messages }: ExchangeVector): Transport {
  let n = 0
  let whole: number[] = []
  return {
    async transmit(bytes) {
      whole.push(...bytes.subarray(5, 5 + bytes[4]!))
      if ((bytes[0]! & 0x10) !== 0) return Uint8Array.of(0x90, 0x00)
      const message = messages[n++]
      if (message === undefined) throw new PeerError('the host says more than the case')
      found.same(`host, class of message ${n}`, bytes.subarray(0, 1), message.cla)
      found.same(`host, message ${n}`, Uint8Array.from(whole), message.data)
      whole = []
      return concat(hex(message.answer), Uint8Array.of(0x90, 0x00))
    },
    close: async () => {},
  }
}

function openedHost(crypto: Crypto, vector: ExchangeVector, transport: Transport): Promise<HostSession> {
  const { p1, p2, resource, identification } = vector
  const options = {
    ...{ crypto, p1, p2, resource, sin: hex(vector.sin), serial: hex(vector.serial) },
    ephemeralScalar: hex(vector.hostEphemeral),
  }
  if (vector.form === 'ephemeral') return openEphemeral(transport, options)
  const host = crypto.ecPrivateKey(hex(vector.hostStatic!))
  const module = crypto.ecPrivateKey(hex(vector.moduleStatic!))
  const open = vector.form === 'dh-signed' ? openDhSigned : openSignedKey
  return open(transport, {
    ...options,
    module: { point: module.publicPoint, certificate: hex(vector.moduleCertificate!) },
    host: {
      point: host.publicPoint,
      sign: async (...parts) => host.sign(...parts),
      ...(identification === undefined ? {} : { identification: hex(identification) }),
    },
  })
}

function checkModuleSide(found: Mismatches, crypto: Crypto, vector: ExchangeVector): void {
  const staticKey = crypto.ecPrivateKey(hex(vector.moduleStatic ?? vector.moduleEphemeral))
  const options = moduleOptions(crypto, vector, staticKey)
  const begin = {
    ephemeral: agreeEphemeral,
    'dh-signed': beginDhSigned<Peer>,
    'signed-key': beginSignedKey<Peer>,
  }
  let pending: PendingExchange<Peer> | undefined
  let opened: OpenedExchange<Peer | undefined> | undefined
  for (const [n, { cla, data, answer }] of vector.messages.entries()) {
    const { p1, p2 } = vector
    const asked = command({ cla: hex(cla)[0]!, ins: 0x86, p1, p2, data: hex(data), le: 0x100 })
    const step = pending === undefined ? begin[vector.form](asked, options) : pending.step(asked)
    if (step.refused !== undefined) return void found.list.push(`module, message ${n}: ${step.refused}`)
    found.same(`module, answer ${n}`, step.reply, answer)
    if ('session' in step.next) opened = step.next
    else pending = step.next
  }
  if (opened === undefined) return void found.list.push('module: no session')
  found.same('transcript', opened.transcript, vector.transcript)
  const { plain, protected: wire, plainAnswer, answer } = vector.command
  const received = opened.session.unwrap({ ...sample(plain), cla: 0x84, data: hex(wire) }).command
  if (received === undefined) return void found.list.push('module, command: refused')
  found.same('module, command', received.data, plain)
  found.same('module, answer', opened.session.wrap({ data: hex(plainAnswer), sw: 0x9000 }).data, answer)
}

function moduleOptions(crypto: Crypto, vector: ExchangeVector, staticKey: EcPrivateKey) {
  const host = crypto.ecPrivateKey(hex(vector.hostStatic ?? vector.hostEphemeral))
  return {
    ...{ crypto, staticKey, resource: vector.resource },
    ...{ sin: hex(vector.sin), serial: hex(vector.serial), ephemeralScalar: hex(vector.moduleEphemeral) },
    certificate: hex(vector.moduleCertificate ?? ''),
    peer: (shown: unknown) =>
      (shown === undefined) === (vector.identification === undefined)
        ? { point: host.publicPoint }
        : undefined,
  }
}

const hex = decodeHex
const sample = (plain: string) => command({ cla: 0x80, ins: 0x4a, data: hex(plain), le: 0x100 })
