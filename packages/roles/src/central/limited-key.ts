import { encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { dataTags } from '@sealwright/core/catalog'
import { kcvCmac, refuseTestKey, withHandle } from '@sealwright/core/crypto'
import { AuthError, StateError } from '@sealwright/core/errors'
import {
  incomingInput,
  type KeyLimits,
  outgoingInput,
  type ProtectAnswer,
  parseLimitedKeys,
  serializeLimitedKeyData,
  serializeToldTime,
} from '@sealwright/core/limited-keys'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import {
  intentFile,
  moduleStep,
  type ProvenHead,
  pendingIntent,
  provenHead,
  readData,
} from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { type MessageNumbers, parseMessageNumbers, serializeMessageNumbers } from './message-numbers.ts'
import { type Session, type SessionInput, session } from './session.ts'

export interface LimitedKeyInput extends SessionInput {
  /** Serial number of the module, 8 bytes. */
  readonly serial: Uint8Array
  /** Where the key goes: a place for keys that no loader fills. */
  readonly place: number
  readonly limits: KeyLimits
}

export interface LimitedKey {
  readonly serial: Uint8Array
  readonly place: number
  /** 5 bytes. */
  readonly checkValue: Uint8Array
  /** An earlier run gave it, whose answer was not heard. */
  readonly already: boolean
  readonly entries: readonly LogEntry[]
}

interface Outcome extends Omit<LimitedKey, 'entries'> {
  readonly head?: ProvenHead
}

/**
 * Gives a module a symmetric key for older procedures, until a date or for so many uses (B14). A new key each time; it stays in the vault
 * for the messages under it. Broken off anywhere, run it again: a key that has arrived is not given a second time.
 */
export async function giveLimitedKey(
  ports: PartyPorts,
  transport: Transport,
  input: LimitedKeyInput,
): Promise<LimitedKey> {
  const { vault } = ports
  const { serial, place, limits } = input
  const [name, offered] = [keyName(serial, place), `${keyName(serial, place)}.offered`]
  await endChannel(transport)
  const channel = plain(transport)
  // What an earlier run offered is asked for only where one was broken off.
  const begun = await pendingIntent(ports, intentFile(encodeHex(serial)))
  if (begun === undefined) await vault.remove(offered)
  const { result, entries } = await moduleStep<Outcome>(ports, channel, {
    name: 'central limited-key',
    types: ['limited-key-taken'],
    proven: (outcome) => outcome?.head,
    async settle() {
      const checkValue = await checkValueOf(ports, offered)
      if (checkValue === undefined || !(await holds(channel, place, checkValue))) return undefined
      await keep(ports, offered, name)
      return { serial, place, checkValue, already: true }
    },
    async run() {
      await vault.remove(offered)
      await vault.createSecret(offered, 16)
      const checkValue = (await checkValueOf(ports, offered))!
      const head = await session(ports, transport, input, async ({ channel: secured }) => {
        const cryptogram = await vault.useSecret(offered, (key) => {
          refuseTestKey(ports.crypto, key, 'the limited key')
          return secured.wrapKey(key)
        })
        const time = ports.clock.now()
        const data = serializeLimitedKeyData({ time, place, limits, cryptogram, checkValue })
        await secured.send('PUT LIMITED KEY', { data })
        return provenHead(secured, ports.entropy.bytes(16))
      })
      await keep(ports, offered, name)
      return { serial, place, checkValue, already: false, head }
    },
  })
  await vault.remove(offered)
  const { checkValue, already } = result
  return { serial, place, checkValue, already, entries }
}

/** Tells the module the time: keys whose last second is over are erased there. */
export async function tellTime(
  { clock }: PartyPorts,
  { channel }: Pick<Session, 'channel'>,
): Promise<number> {
  const time = clock.now()
  await channel.send('TELL TIME', { data: serializeToldTime(time) })
  return time
}

/** A message for the module under its limited key, with the central system's time and a number that rises. */
export interface MessageForModule {
  readonly place: number
  readonly number: number
  readonly time: number
  readonly mac: Uint8Array
  readonly message: Uint8Array
}

export async function messageForModule(
  ports: PartyPorts,
  {
    serial,
    place,
    message,
  }: { readonly serial: Uint8Array; readonly place: number; readonly message: Uint8Array },
): Promise<MessageForModule> {
  const name = await requireKey(ports, serial, place)
  // Written before the message can leave: a number is not used twice.
  const numbers = await numbersOf(ports, name)
  const number = numbers.sent + 1
  await writeNumbers(ports, name, { ...numbers, sent: number })
  const time = ports.clock.now()
  const mac = await ports.vault.useSecret(name, (key) =>
    withHandle(ports.crypto.aes(key), (aes) => aes.cmac(...incomingInput(serial, { number, time, message }))),
  )
  return { place, number, time, mac, message }
}

/** Checks a message that the module has protected: AuthError when the MAC does not hold, StateError for a number that was there before. */
export async function checkModuleMessage(
  ports: PartyPorts,
  input: ProtectAnswer & {
    readonly serial: Uint8Array
    readonly place: number
    readonly message: Uint8Array
  },
): Promise<void> {
  const { serial, place, number, mac, message } = input
  const name = await requireKey(ports, serial, place)
  const expected = await ports.vault.useSecret(name, (key) =>
    withHandle(ports.crypto.aes(key), (aes) => aes.cmac(...outgoingInput(serial, number, message))),
  )
  if (!equal(expected, mac)) throw new AuthError()
  const numbers = await numbersOf(ports, name)
  if (number <= numbers.received) throw new StateError('a message of this number was taken before')
  await writeNumbers(ports, name, { ...numbers, received: number })
}

function keyName(serial: Uint8Array, place: number): string {
  return `limited/${encodeHex(serial).toLowerCase()}-${place.toString(16).padStart(8, '0')}`
}

async function requireKey({ vault }: PartyPorts, serial: Uint8Array, place: number): Promise<string> {
  const name = keyName(serial, place)
  if (await vault.has(name)) return name
  throw new StateError('no limited key was given to this place of the module', { code: 'key-missing' })
}

async function checkValueOf({ crypto, vault }: PartyPorts, name: string): Promise<Uint8Array | undefined> {
  if (!(await vault.has(name))) return undefined
  return vault.useSecret(name, (key) => withHandle(crypto.aes(key), kcvCmac))
}

/** Whether the module shows a limited key of this check value there. */
async function holds(channel: Channel, place: number, checkValue: Uint8Array): Promise<boolean> {
  const told = parseLimitedKeys((await readData(channel, dataTags.limitedKeys)) ?? new Uint8Array(0))
  return told.some((one) => one.place === place && equal(one.checkValue, checkValue))
}

/** The key that was offered becomes the one in use, with numbers of its own. The offer stays until the step is over. */
async function keep({ vault, store }: PartyPorts, offered: string, name: string): Promise<void> {
  await vault.remove(name)
  await store.remove(numbersFile(name))
  await vault.useSecret(offered, async (key) => {
    const copy = key.slice()
    try {
      await vault.importSecret(name, copy)
    } finally {
      wipe(copy)
    }
  })
}

async function numbersOf({ store }: PartyPorts, name: string): Promise<MessageNumbers> {
  const bytes = await store.read(numbersFile(name))
  return bytes === undefined ? { sent: 0, received: 0 } : parseMessageNumbers(bytes)
}

async function writeNumbers({ store }: PartyPorts, name: string, numbers: MessageNumbers): Promise<void> {
  await store.write(numbersFile(name), serializeMessageNumbers(numbers))
}

function numbersFile(name: string): string {
  return `${name}.numbers`
}
