import { ascii, concat, equal, Reader, requireFormatVersion, Writer, wipe } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { withHandle } from '../crypto/index.ts'
import { AuthError, UsageError } from '../errors/index.ts'
import type { Crypto, EcPrivateKey } from '../ports/index.ts'

/** Where the module keeps the customization software once it is decrypted. */
export const imageForms = { eeprom: 0x00, ram: 0x01 } as const
export type ImageForm = keyof typeof imageForms

/** The customization software with what proves whose it is: what lies encrypted in a masked chip. */
export interface CustomizationImage {
  readonly version: 1
  readonly form: ImageForm
  /** ECDSA of the client's key over `imageSignedInput`, r ‖ s, 64 bytes. */
  readonly signature: Uint8Array
  /** A WebAssembly program. */
  readonly program: Uint8Array
}

/** What the client's key signs: "CST1" ‖ version(1) ‖ form(1) ‖ program. */
export function imageSignedInput({
  version,
  form,
  program,
}: Omit<CustomizationImage, 'signature'>): Uint8Array {
  return concat(ascii(labels.customizationImage.text), Uint8Array.of(version, imageForms[form]), program)
}

/** version(1) ‖ form(1) ‖ signature(64) ‖ program. */
export function serializeCustomizationImage(image: CustomizationImage): Uint8Array {
  if (image.signature.length !== 64) {
    throw new UsageError(`signature: expected 64 bytes, got ${image.signature.length}`)
  }
  return new Writer()
    .u8(image.version)
    .u8(imageForms[image.form])
    .bytes(image.signature)
    .bytes(image.program)
    .finish()
}

export function parseCustomizationImage(bytes: Uint8Array): CustomizationImage {
  const r = new Reader(bytes, 'customization image')
  requireFormatVersion('customization image', r.u8('version'))
  const form = parseImageForm(r)
  const signature = r.take(64, 'signature')
  const program = r.rest()
  if (program.length === 0) throw r.fail('no program')
  return { version: 1, form, signature, program }
}

/** The byte that names a form. */
export function parseImageForm(r: Reader): ImageForm {
  const code = r.u8('form')
  const form = (Object.keys(imageForms) as ImageForm[]).find((name) => imageForms[name] === code)
  if (form === undefined) throw r.fail(`no form has the code ${code}`)
  return form
}

/** Signs a program with a key that answers at once. */
export function signCustomizationImage(
  image: Omit<CustomizationImage, 'signature'>,
  key: EcPrivateKey,
): CustomizationImage {
  return { ...image, signature: key.sign(imageSignedInput(image)) }
}

/** iv(16) ‖ AES-256-CTR(unlocking key, plaintext): what the manufacturer gets. One key encrypts one image. */
export function sealImage(
  crypto: Crypto,
  unlockingKey: Uint8Array,
  iv: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  if (iv.length !== 16) throw new UsageError(`iv: expected 16 bytes, got ${iv.length}`)
  return concat(
    iv,
    withHandle(unlockingHandle(crypto, unlockingKey), (key) => key.ctr(iv, plaintext)),
  )
}

/**
 * Decrypts the image and checks hash and signature. The caller wipes the result's program.
 * A wrong key, a wrong hash, a foreign signature and nonsense are one and the same AuthError.
 * @param clientKey the public key masked in ROM, 65 bytes
 */
export function openImage(
  crypto: Crypto,
  unlocking: UnlockingData,
  sealed: Uint8Array,
  clientKey: Uint8Array,
): CustomizationImage {
  if (sealed.length <= 16) throw new AuthError()
  const plaintext = withHandle(unlockingHandle(crypto, unlocking.key), (key) =>
    key.ctr(sealed.subarray(0, 16), sealed.subarray(16)),
  )
  try {
    if (!equal(crypto.sha256(plaintext), unlocking.hash)) throw new AuthError()
    const image = decoded(plaintext)
    const genuine = withHandle(crypto.ecPublicKey(clientKey), (client) =>
      client.verify(image.signature, imageSignedInput(image)),
    )
    if (!genuine) throw new AuthError()
    return image
  } finally {
    wipe(plaintext)
  }
}

/** The data of UNLOCK, and what the client keeps for it. Secret. */
export interface UnlockingData {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** SHA-256 of the image's plaintext, 32 bytes. */
  readonly hash: Uint8Array
}

/** key(32) ‖ hash(32). */
export function serializeUnlockingData({ key, hash }: UnlockingData): Uint8Array {
  if (key.length !== 32 || hash.length !== 32)
    throw new UsageError('unlocking data: expected 32 and 32 bytes')
  return concat(key, hash)
}

export function parseUnlockingData(bytes: Uint8Array): UnlockingData {
  const r = new Reader(bytes, 'unlocking data')
  const key = r.secret(32, 'key')
  const hash = r.secret(32, 'hash')
  r.end()
  return { key, hash }
}

function decoded(plaintext: Uint8Array): CustomizationImage {
  try {
    return parseCustomizationImage(plaintext)
  } catch {
    throw new AuthError()
  }
}

function unlockingHandle(crypto: Crypto, key: Uint8Array) {
  if (key.length !== 32) throw new UsageError(`unlocking key: expected 32 bytes, got ${key.length}`)
  return crypto.aes(key)
}
