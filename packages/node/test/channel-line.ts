import {
  type Command,
  CommandChain,
  exchange,
  parseCommand,
  type Response,
  serializeResponse,
} from '@sealwright/core/apdu'
import { concat, u16 } from '@sealwright/core/bytes'
import { channelKeys, commands, keyVersions, type StatusWord, statusWords } from '@sealwright/core/catalog'
import {
  agreeEphemeral,
  beginDhSigned,
  beginSignedKey,
  openEphemeral,
  type PendingExchange,
  parseIdentification,
} from '@sealwright/core/channel/general-authenticate'
import { AwaitingExternalAuthenticate, scp03Parameter } from '@sealwright/core/channel/scp03'
import { agreeKeys } from '@sealwright/core/channel/scp11'
import {
  exchangeProtected,
  type HostSession,
  type ModuleSession,
} from '@sealwright/core/channel/secure-messaging'
import { privateScalar } from '@sealwright/core/crypto'
import type { Crypto, EcPrivateKey, Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseTlvs, serializeTlv, serializeTlvs } from '@sealwright/core/tlv'
import { parseCertificate } from '@sealwright/core/x509'
import { type SecuredForm, settingUp } from './channel-world.ts'

/** What may be done to whole messages, chained or not, on their way. Undefined: as it is. */
export interface Bend {
  command?(command: Command, n: number): Command | undefined
  answer?(answer: Response, to: Command, n: number): Response | undefined
}

/** A line with somebody in it who sees whole messages and may change them. `n` counts the set-up's messages from 0; -1 elsewhere. */
export function messageLine(below: Transport, bend: Bend = {}) {
  const chain = new CommandChain()
  const passed: { command: Command; answer: Response; n: number }[] = []
  let count = 0
  const transport: Transport = {
    ...below,
    async transmit(bytes) {
      const step = chain.accept(parseCommand(bytes))
      if (step.kind !== 'complete') return Uint8Array.of(0x90, 0x00)
      const whole = { ...step.command, extended: false }
      const n = settingUp.has(whole.ins) ? count++ : -1
      const sent = bend.command?.(whole, n) ?? whole
      const heard = await exchange(below, sent)
      const answer = bend.answer?.(heard, whole, n) ?? heard
      passed.push({ command: whole, answer: heard, n })
      return concat(answer.data, u16(answer.sw))
    },
  }
  return { transport, passed }
}

/** What whoever stands between has: keys of a module that he made himself, and perhaps a unit of his own. */
export interface Mallory {
  readonly crypto: Crypto
  /** For a host that does not look: it is not the module's. */
  readonly key: EcPrivateKey
  /** Opens a channel of his own with the module, where he can. */
  readonly openToModule: (transport: Transport) => Promise<HostSession | undefined>
}

/**
 * Somebody in the middle who plays the module to the host and the host to the module, each in the form that the host asks for. What passes
 * through both his channels he has in the clear.
 */
export function middle(
  below: Transport,
  form: SecuredForm,
  mallory: Mallory,
  serial: Uint8Array,
  certificate: Uint8Array,
) {
  const { crypto } = mallory
  const entropy = scriptedEntropy('mallory')
  const chain = new CommandChain()
  const read: { command: Command; answer: Response }[] = []
  let toHost: ModuleSession | undefined
  let believed = false
  let toModule: HostSession | undefined
  let pending: PendingExchange<{ point: Uint8Array }> | AwaitingExternalAuthenticate | undefined
  const identities = { sin: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1), sdin: serial }
  const scalar = () => privateScalar(crypto, entropy.bytes(48))
  const hostsPoint = (identification: Uint8Array) =>
    parseCertificate(parseIdentification(identification).certificates[0]!).publicPoint

  /** One step of the host's set-up, answered as the module would, with Mallory's key. */
  function playModule(command: Command): Response {
    const ephemeralScalar = scalar()
    const common = { crypto, ephemeralScalar, sin: identities.sin, serial }
    const proving = {
      ...{ ...common, staticKey: mallory.key, certificate, resource: 0 },
      peer: (one: { certificates: readonly Uint8Array[] } | undefined) =>
        one && { point: parseCertificate(one.certificates[0]!).publicPoint },
    }
    const begin = () => {
      switch (form) {
        case 'ephemeral':
          return agreeEphemeral(command, common)
        case 'module-proof':
          return agreeKeys(command, {
            ...{ crypto, ephemeralScalar, identities },
            variant: 'b',
            staticKey: mallory.key,
            own: true,
          })
        case 'mutual': {
          const [template, point, identification] = parseTlvs(command.data)
          const peer = hostsPoint(serializeTlv(identification!))
          const data = serializeTlvs([template!, point!])
          return agreeKeys(
            { ...command, data },
            {
              ...{ crypto, ephemeralScalar, identities },
              variant: 'a',
              staticKey: mallory.key,
              peerKey: crypto.ecPublicKey(peer),
              own: true,
              hostIdentity: serializeTlv(identification!),
            },
          )
        }
        case 'dh-signed':
          return beginDhSigned(command, proving)
        case 'signed-key':
          return beginSignedKey(command, proving)
        case 'document-key': {
          const guessed = crypto.aes(new Uint8Array(16).fill(0x5a))
          return AwaitingExternalAuthenticate.begin(command, {
            ...{ crypto, keys: { enc: guessed, mac: guessed, dek: crypto.aes(new Uint8Array(16)) } },
            keyVersion: keyVersions.document,
            diversificationData: new Uint8Array(10),
            i: scp03Parameter.rMac | scp03Parameter.rEnc,
            cardChallenge: (length) => entropy.bytes(length),
            levels: [0x33],
          })
        }
      }
    }
    const step = pending === undefined ? begin() : pending.step(command)
    pending = undefined
    if (step.refused !== undefined) return refusal(step.refused)
    const next: unknown = step.next
    if (isSession(next)) toHost = next
    else if (typeof next === 'object' && next !== null && 'session' in next && isSession(next.session))
      toHost = next.session
    else pending = next as NonNullable<typeof pending>
    return { data: step.reply, sw: 0x9000 }
  }

  const transport: Transport = {
    ...below,
    async transmit(bytes) {
      const chained = chain.accept(parseCommand(bytes))
      if (chained.kind !== 'complete') return Uint8Array.of(0x90, 0x00)
      const command = { ...chained.command, extended: false }
      if (toHost === undefined && settingUp.has(command.ins)) {
        if (pending === undefined) toModule ??= await mallory.openToModule(below)
        return serializeResponse(playModule(command))
      }
      if (toHost === undefined || (command.cla & 0x04) === 0) {
        if (command.ins === commands.SELECT.ins) toHost = undefined
        return serializeResponse(await exchange(below, command))
      }
      const plain = toHost.unwrap(command).command
      believed ||= plain !== undefined
      if (plain === undefined || toModule === undefined)
        return serializeResponse(refusal('security-not-satisfied'))
      const answer = await exchangeProtected(below, toModule, { ...plain, le: 0x100 })
      read.push({ command: plain, answer })
      return serializeResponse(toHost.wrap(answer))
    },
  }
  return {
    transport,
    read,
    believedByHost: () => believed,
    inModule: () => toModule !== undefined,
  }
}

/** The host's half of the form without authentication, as anybody can play it. */
export function openAnonymously(crypto: Crypto, serial: Uint8Array, seed = 'mallory to the module') {
  return (transport: Transport): Promise<HostSession> =>
    openEphemeral(transport, {
      ...{ crypto, p1: 0x01, p2: channelKeys.ephemeral, serial },
      sin: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1),
      ephemeralScalar: privateScalar(crypto, scriptedEntropy(seed).bytes(48)),
    })
}

function isSession(value: unknown): value is ModuleSession {
  return typeof value === 'object' && value !== null && 'unwrap' in value && 'wrap' in value
}

function refusal(status: StatusWord): Response {
  return { data: new Uint8Array(0), sw: statusWords[status].sw }
}
