import { wipe } from '@sealwright/core/bytes'
import { refuseTestKey } from '@sealwright/core/crypto'
import {
  type ImageForm,
  imageSignedInput,
  isTestMask,
  parseMaskFile,
  sealImage,
  serializeCustomizationImage,
  serializeMaskFile,
  serializeUnlockingFile,
} from '@sealwright/core/customization'
import { StateError, UsageError } from '@sealwright/core/errors'
import type { MaskLayout, PartyPorts } from '../ports/index.ts'
import { isLot } from './lots.ts'
import { clientKey, maskName, unlockingName, useUnlocking } from './masks.ts'

export interface MaskInput {
  /** Name of the mask among the issuer's files: a-z, 0-9, hyphen. */
  readonly name: string
  readonly layout: MaskLayout
  /** WebAssembly masked in ROM. */
  readonly program: Uint8Array
  /** The customization software, WebAssembly. */
  readonly customization: Uint8Array
  /** Where the chip keeps the customization software; EEPROM unless given. */
  readonly form?: ImageForm
  readonly eepromSize?: number
  /** The chips are test modules: they take known test keys, and only test roots certify them (X9). */
  readonly test?: boolean
}

export interface Mask {
  /** The file for the manufacturer. */
  readonly file: Uint8Array
  readonly romDigest: Uint8Array
  /** False: the mask of this name was made before, and this is it. */
  readonly made: boolean
}

/**
 * Makes a mask: customization software signed with the client's key and encrypted under a new unlocking key, which encrypts nothing else
 * and stays in the vault. Asked again for the same name it gives the same file.
 */
export async function mask(ports: PartyPorts, input: MaskInput): Promise<Mask> {
  const { crypto, entropy, store, vault } = ports
  const { name, layout, program, form = 'eeprom', eepromSize, test = false } = input
  if (await isLot(ports, name)) throw new UsageError(`a lot is named ${name}; choose another name`)
  const old = await store.read(maskName(name))
  if (await vault.has(unlockingName(name))) {
    if (old === undefined) throw new StateError(`the file of the mask ${name} is lost; choose another name`)
    if (isTestMask(parseMaskFile(old)) !== test) {
      throw new StateError(`the mask ${name} was made ${test ? 'for real modules' : 'for test modules'}`, {
        code: 'test-mark-differs',
      })
    }
    return {
      file: old,
      romDigest: await useUnlocking(ports, name, undefined, async ({ romDigest }) => romDigest),
      made: false,
    }
  }
  layout.check(input.customization)
  if (!(await vault.has(clientKey))) await vault.createPair(clientKey)
  const clientPoint = await vault.publicPoint(clientKey)
  if (!test) refuseTestKey(crypto, clientPoint, "the client's key")
  const draft = { version: 1, form, program: input.customization } as const
  const signature = await vault.sign(clientKey, imageSignedInput(draft))
  const plaintext = serializeCustomizationImage({ ...draft, signature })
  const key = entropy.bytes(32)
  const hash = crypto.sha256(plaintext)
  const laidOut = layout.layOut({
    clientKey: clientPoint,
    program,
    encryptedImage: sealImage(crypto, key, entropy.bytes(16), plaintext),
    ...(eepromSize === undefined ? {} : { eepromSize }),
    ...(test ? { test } : {}),
  })
  const file = serializeMaskFile(laidOut)
  const romDigest = crypto.sha256(laidOut.rom)
  const secret = serializeUnlockingFile({ version: 1, romDigest, form, unlocking: { key, hash } })
  try {
    // The key comes last: a file without its key was never given away, and is made anew.
    await store.write(maskName(name), file)
    await vault.importSecret(unlockingName(name), secret)
  } finally {
    wipe(key, secret, plaintext, hash)
  }
  return { file, romDigest, made: true }
}
