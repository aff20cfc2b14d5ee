import assert from 'node:assert/strict'
import { type Command, command, exchange } from '@sealwright/core/apdu'
import { decodeHex } from '@sealwright/core/bytes'
import { dataTags, keyVersions } from '@sealwright/core/catalog'
import { type InitializeUpdateAnswer, openLentScp03, openScp03 } from '@sealwright/core/channel/scp03'
import { protectedTransport, type SecurityLevel } from '@sealwright/core/channel/secure-messaging'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  type ImageForm,
  parseIdentityKey,
  parseSealedCustomizationKey,
  type SealedCustomizationKey,
  serializeIdentityRequest,
  serializeSessionLimit,
  serializeSessionRequest,
  type WriteRecord,
} from '@sealwright/core/customization'
import { RefusedError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import type { Module } from '../../src/index.ts'
import type { RamMedium } from '../../src/medium/index.ts'
import {
  customizationChannel,
  customizedModule,
  type Fixture,
  type MaskedChip,
  maskedChip,
  powerUp,
  speak,
  transportTo,
  unlockWith,
  writeRecords,
} from '../../src/testing/index.ts'
import { activated, added, finish } from '../product.ts'
import { committed } from '../programs.ts'

// Chips that take later customization, the SAM that opens them, and the host between, which never has a key but a session's.

export const serial = decodeHex('0102030405060708')
const samSerial = decodeHex('5A5A000000000001')

export interface Sam {
  readonly module: Module
  readonly medium: RamMedium
  readonly serial: Uint8Array
  readonly documentKeys: Fixture['documentKeys']
  /** Its document channel, open. */
  readonly channel: Transport
  /** A fresh document channel; the one before is gone. */
  open(): Promise<Transport>
}

export interface SamOptions {
  readonly serial?: Uint8Array
  readonly sessions?: number
  readonly seed?: string
  /** Without MAKE MASTER KEY. */
  readonly blank?: boolean
  readonly test?: boolean
}

/** A SAM with its master key. */
export async function samWith(options: SamOptions = {}): Promise<Sam> {
  const { serial: number = samSerial, sessions, seed = 'sam', blank = false, test = false } = options
  const { module, medium, documentKeys } = customizedModule({
    ...{ crypto, serial: number, seed, test, eepromSize: 64 * 1024 },
  })
  const open = () => documentChannel(module, documentKeys)
  const channel = await open()
  if (!blank) {
    assert.equal((await speak(channel, 'MAKE MASTER KEY', serializeSessionLimit(sessions))).sw, 0x9000)
  }
  return { module, medium, serial: number, documentKeys, channel, open }
}

/** The same SAM, powered from elsewhere. */
export function samOn({ documentKeys, ...sam }: Sam, module: Module): Sam {
  return { ...sam, documentKeys, module, open: () => documentChannel(module, documentKeys) }
}

async function documentChannel(module: Module, { enc, mac, dek }: Fixture['documentKeys']) {
  const keys = { enc: crypto.aes(enc), mac: crypto.aes(mac), dek: crypto.aes(dek) }
  const transport = transportTo(module)
  const hostChallenge = scriptedEntropy('host of the SAM').bytes(8)
  const keyVersion = keyVersions.document
  const session = await openScp03(transport, { crypto, keys, keyVersion, level: 0x33, hostChallenge })
  return { ...protectedTransport(transport, session), dek: crypto.aes(dek) }
}

export interface Chip {
  readonly module: Module
  readonly medium: RamMedium
  readonly serial: Uint8Array
}

export interface ChipOptions {
  readonly serial?: Uint8Array
  readonly records?: readonly WriteRecord[]
  readonly test?: boolean
  readonly eepromSize?: number
  readonly form?: ImageForm
  /** False: without MAKE IDENTITY. */
  readonly identity?: boolean
}

const masks = new Map<string, MaskedChip>()

export function maskOf({
  test = false,
  eepromSize = 64 * 1024,
  form = 'eeprom',
}: Pick<ChipOptions, 'test' | 'eepromSize' | 'form'>) {
  const name = `${test} ${eepromSize} ${form}`
  const known = masks.get(name)
  if (known !== undefined) return known
  const program = committed('rom')
  const made = maskedChip({
    crypto,
    program,
    customization: committed('customization'),
    test,
    eepromSize,
    form,
  })
  masks.set(name, made)
  return made
}

/** A chip in customization mode in its channel, with its identity request for the SAM. */
export async function customizing(options: ChipOptions = {}) {
  const { serial: number = serial, records = added, identity = true } = options
  const masked = maskOf(options)
  const medium = masked.chip()
  const module = powerUp(crypto, medium, scriptedEntropy(`chip ${number.join()}`))
  await speak(transportTo(module), 'WRITE SERIAL', number)
  assert.equal(await unlockWith(module, masked.unlocking), 0x9000)
  const channel = await customizationChannel(crypto, module, masked.unlocking.key, number)
  const natives = ['SELECT', 'INITIALIZE UPDATE', 'EXTERNAL AUTHENTICATE', 'GET DATA', 'CHIP STATUS'] as const
  assert.equal(
    await writeRecords(channel, [...records, ...activated(...natives, 'GET EVENTS', 'MAKE IDENTITY')]),
    0x9000,
  )
  if (!identity) return { module, medium, serial: number, channel, request: new Uint8Array(0) }
  const { data } = await speak(channel, 'MAKE IDENTITY')
  const request = serializeIdentityRequest({ version: 1, serial: number, ...parseIdentityKey(data) })
  return { module, medium, serial: number, channel, request }
}

/** The customization channel of a chip that was powered up again. */
export function customizationAgain(
  module: Module,
  options: ChipOptions & { readonly serial: Uint8Array },
): Promise<Transport> {
  return customizationChannel(crypto, module, maskOf(options).unlocking.key, options.serial)
}

/** The customization key of a chip as its SAM sends it. */
export async function envelopeFrom(sam: Transport, request: Uint8Array): Promise<Uint8Array> {
  const { data, sw } = await speak(sam, 'SEAL CUSTOMIZATION KEY', request)
  assert.equal(sw, 0x9000)
  return data
}

/** A chip in user mode that takes later customization with this SAM. */
export async function laterChip(sam: Sam, options: ChipOptions = {}): Promise<Chip> {
  const chip = await customizing(options)
  const { channel, request, module, medium } = chip
  assert.equal(await writeRecords(channel, activated('CUSTOMIZE', 'PUT CUSTOMIZATION KEY')), 0x9000)
  const envelope = await envelopeFrom(await sam.open(), request)
  assert.equal((await speak(channel, 'PUT CUSTOMIZATION KEY', envelope)).sw, 0x9000)
  assert.equal((await finish(channel)).sw, 0x9000)
  module.reset()
  return { module, medium, serial: chip.serial }
}

/** The sealed form as the chip gives it to anybody. */
export async function sealedOf(module: Module): Promise<SealedCustomizationKey> {
  const tag = dataTags.sealedCustomizationKey
  const { data, sw } = await exchange(
    transportTo(module),
    command({ cla: 0x00, ins: 0xca, p1: tag >>> 8, p2: tag & 0xff, le: 0x100 }),
  )
  assert.equal(sw, 0x9000)
  return parseSealedCustomizationKey(data)
}

export interface Opening {
  readonly sealed?: SealedCustomizationKey
  /** Serial number that the SAM is told. */
  readonly serial?: Uint8Array
  readonly level?: SecurityLevel
  /** Changes the request to the SAM. */
  readonly change?: (request: Uint8Array) => Uint8Array
  /** Sees the session keys that the SAM gave, in clear: S-ENC ‖ S-MAC ‖ S-RMAC. */
  readonly seen?: (keys: Uint8Array) => void
  /** Sees each command on the line to the chip. */
  readonly line?: (bytes: Uint8Array) => void
}

/** Opens the channel for later customization as the rightful host does. A refusal of chip or SAM is a RefusedError. */
export async function openLater(sam: Sam, chip: Chip, opening: Opening = {}): Promise<Transport> {
  const sealed = opening.sealed ?? (await sealedOf(chip.module))
  const channel = await sam.open()
  const challenge = await speak(channel, 'BEGIN SESSION')
  if (challenge.sw !== 0x9000) throw new RefusedError(challenge.sw, 'BEGIN SESSION')
  const below = transportTo(chip.module)
  const transport: Transport = {
    ...below,
    transmit(bytes) {
      opening.line?.(bytes.slice())
      return below.transmit(bytes)
    },
  }
  const session = await openLentScp03(transport, {
    crypto,
    keyVersion: keyVersions['later-customization'],
    level: opening.level ?? 0x33,
    hostChallenge: challenge.data,
    async sessionKeys({ cardChallenge, cardCryptogram }: InitializeUpdateAnswer) {
      const request = serializeSessionRequest({
        ...{ serial: opening.serial ?? chip.serial, sealed, cardChallenge, cardCryptogram },
      })
      const answer = await speak(channel, 'SESSION KEYS', opening.change?.(request) ?? request)
      if (answer.sw !== 0x9000) throw new RefusedError(answer.sw, 'SESSION KEYS')
      const keys = channelDek(channel).cbcDecrypt(new Uint8Array(16), answer.data)
      opening.seen?.(keys)
      return {
        enc: crypto.aes(keys.subarray(0, 32)),
        mac: crypto.aes(keys.subarray(32, 64)),
        rmac: crypto.aes(keys.subarray(64, 96)),
      }
    },
  })
  return protectedTransport(transport, session)
}

function channelDek(channel: Transport) {
  return (channel as Transport & { readonly dek: ReturnType<typeof crypto.aes> }).dek
}

/** A chip in user mode as `laterChip`, powered from a copy of its memory. */
export function again(chip: Chip, seed = 'again'): Chip {
  const medium = chip.medium.clone()
  return { module: powerUp(crypto, medium, scriptedEntropy(seed)), medium, serial: chip.serial }
}

/** Sends a command of which every field is said. */
export function send(transport: Transport, fields: Partial<Command> & Pick<Command, 'ins'>) {
  return exchange(transport, command({ cla: 0x80, le: 0x100, ...fields }))
}

/** A draft and its digest: the records that put an object in force. */
export function inForce(object: 'software' | 'product-data', id: number, bytes: Uint8Array): WriteRecord[] {
  return [
    { kind: 'put', object, id, bytes },
    { kind: 'verify', object, id, digest: crypto.sha256(bytes) },
  ]
}
