import { command, exchange } from '@sealwright/core/apdu'
import { ascii, concat } from '@sealwright/core/bytes'
import { type CommandName, commands, keyVersions, programInstructions } from '@sealwright/core/catalog'
import { openScp03 } from '@sealwright/core/channel/scp03'
import { protectedTransport } from '@sealwright/core/channel/secure-messaging'
import {
  customizationChannelKeys,
  type ImageForm,
  type MaskFile,
  packWrites,
  scp03KeysOf,
  sealImage,
  serializeCustomizationImage,
  serializeUnlockingData,
  signCustomizationImage,
  type UnlockingData,
  type WriteRecord,
} from '@sealwright/core/customization'
import type { Crypto, EcPrivateKey, Entropy, Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { layOutMask, maskGeometry, programMask } from '../mask/index.ts'
import { type Medium, RamMedium } from '../medium/index.ts'
import { Module } from '../module.ts'
import { fixtureKey } from './fixture.ts'

export interface MaskedChipOptions {
  readonly crypto: Crypto
  /** Wasm masked in ROM. */
  readonly program: Uint8Array
  /** The customization software, wasm. */
  readonly customization: Uint8Array
  readonly form?: ImageForm
  readonly eepromSize?: number
  /** A mask of test modules. */
  readonly test?: boolean
}

/** A chip as it leaves the mask, with what only the issuer has of it. */
export interface MaskedChip {
  readonly mask: MaskFile
  readonly client: EcPrivateKey
  readonly unlocking: UnlockingData
  /** The customization software with its signature: what must be found nowhere but where it belongs. */
  readonly plaintext: Uint8Array
  readonly encryptedImage: Uint8Array
  /** A new chip of this mask. */
  chip(): RamMedium
}

/** Makes a mask by the formats alone. */
export function maskedChip(options: MaskedChipOptions): MaskedChip {
  const { crypto, program, customization, form = 'eeprom', eepromSize = 64 * 1024, test = false } = options
  const entropy = scriptedEntropy('masked chip')
  const client = fixtureKey(crypto, 'masked chip client')
  const image = signCustomizationImage({ version: 1, form, program: customization }, client)
  const plaintext = serializeCustomizationImage(image)
  const key = entropy.bytes(32)
  const encryptedImage = sealImage(crypto, key, entropy.bytes(16), plaintext)
  const mask = layOutMask({ test, eepromSize, clientKey: client.publicPoint, program, encryptedImage })
  return {
    mask,
    client,
    unlocking: { key, hash: crypto.sha256(plaintext) },
    plaintext,
    encryptedImage,
    chip() {
      const medium = new RamMedium(maskGeometry(mask), mask.rom)
      programMask(medium, mask)
      return medium
    },
  }
}

/** Powers a chip up. What a 6F00 would hide is thrown. */
export function powerUp(crypto: Crypto, medium: Medium, entropy: Entropy = scriptedEntropy('chip')): Module {
  return new Module({
    medium,
    crypto,
    entropy,
    report: (error) => {
      throw error
    },
  })
}

/** A transport to a module that never waits. */
export function transportTo(module: Module): Transport {
  return { transmit: async (bytes) => module.transmit(bytes), close: async () => module.reset() }
}

export type Spoken = CommandName | keyof typeof programInstructions

/** Sends one command, in the extended form if it is long; returns data and status word. */
export function speak(transport: Transport, name: Spoken, data: Uint8Array = new Uint8Array(0), p1 = 0) {
  const { ins } =
    name in commands
      ? commands[name as CommandName]
      : programInstructions[name as keyof typeof programInstructions]
  return exchange(
    transport,
    command({ cla: 0x80, ins, p1, p2: 0, data, le: 0x100, extended: data.length > 0xe0 }),
  )
}

/** UNLOCK; returns the status word. */
export async function unlockWith(module: Module, unlocking: UnlockingData): Promise<number> {
  return (await speak(transportTo(module), 'UNLOCK', serializeUnlockingData(unlocking))).sw
}

/** Opens the customization channel: a transport that protects what it carries. */
export async function customizationChannel(
  crypto: Crypto,
  module: Module,
  unlockingKey: Uint8Array,
  serial: Uint8Array,
): Promise<Transport> {
  const keys = scp03KeysOf(crypto, customizationChannelKeys(crypto, unlockingKey, serial))
  const transport = transportTo(module)
  const hostChallenge = scriptedEntropy('host').bytes(8)
  const keyVersion = keyVersions.customization
  const session = await openScp03(transport, { crypto, keys, keyVersion, level: 0x33, hostChallenge })
  return protectedTransport(transport, session)
}

/** Sends records in as many WRITEs as they need; returns the status word of the first that is refused, else 9000. */
export async function writeRecords(channel: Transport, records: readonly WriteRecord[]): Promise<number> {
  for (const data of packWrites(records)) {
    const { sw } = await speak(channel, 'WRITE', data)
    if (sw !== 0x9000) return sw
  }
  return 0x9000
}

/** The smallest program that answers: export `process`, and `f1` the same, put out this text. */
export function answeringProgram(text: string): Uint8Array {
  const bytes = ascii(text)
  return wasmProgram({
    import: { from: 'io', name: 'output', parameters: 2 },
    body: Uint8Array.of(0x41, 0, 0x41, bytes.length, 0x10, 0),
    data: bytes,
  })
}

/** A program of one imported function and one body, exported as `process` and `f1`; `data` lies at address 0. All lengths below 128. */
export function wasmProgram(parts: {
  readonly import: { readonly from: string; readonly name: string; readonly parameters: number }
  /** Instructions without the closing `end`; function 0 is the imported one. */
  readonly body: Uint8Array
  readonly data: Uint8Array
}): Uint8Array {
  const { data } = parts
  const section = (id: number, ...content: Uint8Array[]) => {
    const body = concat(...content)
    return concat(Uint8Array.of(id, body.length), body)
  }
  const name = (value: string) => concat(Uint8Array.of(value.length), ascii(value))
  const body = concat(Uint8Array.of(0), parts.body, Uint8Array.of(0x0b))
  const { from, name: imported, parameters } = parts.import
  return concat(
    Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
    section(
      1,
      Uint8Array.of(2, 0x60, parameters),
      new Uint8Array(parameters).fill(0x7f),
      Uint8Array.of(0, 0x60, 0, 0),
    ),
    section(2, Uint8Array.of(1), name(from), name(imported), Uint8Array.of(0, 0)),
    section(3, Uint8Array.of(2, 1, 1)),
    section(5, Uint8Array.of(1, 0, 1)),
    section(
      7,
      Uint8Array.of(3),
      name('memory'),
      Uint8Array.of(2, 0),
      name('process'),
      Uint8Array.of(0, 1),
      name('f1'),
      Uint8Array.of(0, 2),
    ),
    section(10, Uint8Array.of(2, body.length), body, Uint8Array.of(body.length), body),
    section(11, Uint8Array.of(1, 0, 0x41, 0, 0x0b, data.length), data),
  )
}
