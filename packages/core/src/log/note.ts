import { concat, decodeBase64, decodeHex, encodeBase64, encodeHex, equal } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'

/** What a key signs: the note itself, or a witness's cosignature with its time. */
export const noteAlgorithms = { ed25519: 0x01, cosignature: 0x04 } as const

export type NoteAlgorithm = keyof typeof noteAlgorithms

/** The public key of a log or a witness under its name. */
export interface NoteKey {
  readonly name: string
  readonly algorithm: NoteAlgorithm
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

export interface NoteSignature {
  readonly name: string
  /** First 4 bytes of SHA-256(name ‖ 0A ‖ algorithm ‖ public key). */
  readonly keyHash: Uint8Array
  readonly signature: Uint8Array
}

/** A signed note (C2SP signed-note): text that ends in a newline, and one line per signature. */
export interface Note {
  readonly body: string
  readonly signatures: readonly NoteSignature[]
}

/** Ed25519 signer: of a seed by `noteSigner`, or of a vault. */
export interface NoteSigner {
  readonly name: string
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** A signer over an Ed25519 private key (seed) of 32 bytes, which it does not copy. */
export function noteSigner(name: string, privateKey: Uint8Array, crypto: Crypto): NoteSigner {
  return {
    name: expectName(name),
    publicKey: crypto.ed25519PublicKey(privateKey),
    sign: (message) => crypto.ed25519Sign(privateKey, message),
  }
}

/** A key as text: `<name>+<key hash in hex>+<base64 of algorithm ‖ public key>` (C2SP signed-note, vkey). */
export function serializeNoteKey(key: NoteKey, crypto: Crypto): string {
  const bytes = concat(Uint8Array.of(noteAlgorithms[key.algorithm]), key.publicKey)
  return `${expectName(key.name)}+${encodeHex(noteKeyHash(key, crypto)).toLowerCase()}+${encodeBase64(bytes)}`
}

export function parseNoteKey(text: string, crypto: Crypto): NoteKey {
  const [, name, hash, base64] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? []
  if (!name || !hash || !base64 || !isName(name)) {
    throw new DecodeError('note key: expected <name>+<8 hex digits>+<base64>')
  }
  const bytes = decodeBase64(base64)
  const algorithm = (Object.keys(noteAlgorithms) as NoteAlgorithm[]).find(
    (one) => noteAlgorithms[one] === bytes[0],
  )
  if (!algorithm || bytes.length !== 33) throw new DecodeError('note key: expected a key of Ed25519')
  const key = { name, algorithm, publicKey: bytes.slice(1) }
  if (!equal(noteKeyHash(key, crypto), decodeHex(hash))) {
    throw new DecodeError('note key: the key hash is not that of name and key')
  }
  return key
}

export function noteKeyHash(key: NoteKey, crypto: Crypto): Uint8Array {
  const algorithm = Uint8Array.of(0x0a, noteAlgorithms[key.algorithm])
  return crypto.sha256(utf8(key.name), algorithm, key.publicKey).slice(0, 4)
}

export function parseNote(text: string): Note {
  // The body may itself hold blank lines: the last one divides.
  const divide = text.lastIndexOf('\n\n')
  if (divide < 0 || !text.endsWith('\n'))
    throw new DecodeError('note: expected text, a blank line and signatures')
  const body = text.slice(0, divide + 1)
  if (!isBody(body)) throw new DecodeError('note: expected text without control characters')
  const lines = text.slice(divide + 2, -1).split('\n')
  const signatures = lines.map((line) => {
    const [, name, base64] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? []
    if (!name || !base64 || !isName(name)) throw new DecodeError('note: expected a signature line')
    const bytes = decodeBase64(base64)
    if (bytes.length < 5) throw new DecodeError('note: a signature is cut')
    return { name, keyHash: bytes.slice(0, 4), signature: bytes.slice(4) }
  })
  return { body, signatures }
}

export function serializeNote(note: Note): string {
  if (!isBody(note.body)) throw new UsageError('note: expected text that ends in a newline')
  const lines = note.signatures.map(({ name, keyHash, signature }) => {
    return `\u2014 ${expectName(name)} ${encodeBase64(concat(keyHash, signature))}\n`
  })
  return `${note.body}\n${lines.join('')}`
}

/** The note with one more signature of its own text. */
export function signNote(note: Note, signer: NoteSigner, crypto: Crypto): Note {
  const keyHash = noteKeyHash({ ...signer, algorithm: 'ed25519' }, crypto)
  const signature = signer.sign(utf8(note.body))
  return { ...note, signatures: [...note.signatures, { name: signer.name, keyHash, signature }] }
}

/** The note with one more witness's cosignature, made at `time` (C2SP tlog-cosignature, cosignature/v1). */
export function cosignNote(note: Note, signer: NoteSigner, time: number, crypto: Crypto): Note {
  const keyHash = noteKeyHash({ ...signer, algorithm: 'cosignature' }, crypto)
  const stamp = new Uint8Array(8)
  new DataView(stamp.buffer).setBigUint64(0, BigInt(time))
  const signature = concat(stamp, signer.sign(cosignedBytes(note.body, BigInt(time))))
  return { ...note, signatures: [...note.signatures, { name: signer.name, keyHash, signature }] }
}

/** Whether one of the note's signatures is of this key over the text. */
export function verifyNote(note: Note, key: NoteKey, crypto: Crypto): boolean {
  return signaturesOf(note, key, 'ed25519', crypto).some(
    (signature) => signature.length === 64 && crypto.ed25519Verify(key.publicKey, utf8(note.body), signature),
  )
}

/** When this witness cosigned the note, in seconds since 1970; undefined when it did not. */
export function cosignedAt(note: Note, key: NoteKey, crypto: Crypto): number | undefined {
  for (const bytes of signaturesOf(note, key, 'cosignature', crypto)) {
    if (bytes.length !== 72) continue
    const time = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)
    const signed = cosignedBytes(note.body, time)
    if (time > 0n && crypto.ed25519Verify(key.publicKey, signed, bytes.subarray(8))) return Number(time)
  }
  return undefined
}

function signaturesOf(note: Note, key: NoteKey, algorithm: NoteAlgorithm, crypto: Crypto): Uint8Array[] {
  if (key.algorithm !== algorithm) return []
  const hash = noteKeyHash(key, crypto)
  return note.signatures
    .filter(({ name, keyHash }) => name === key.name && equal(keyHash, hash))
    .map(({ signature }) => signature)
}

function cosignedBytes(body: string, time: bigint): Uint8Array {
  return utf8(`cosignature/v1\ntime ${time}\n${body}`)
}

function isBody(body: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the format names these characters
  return body.endsWith('\n') && body.isWellFormed() && !/[\u0000-\u0009\u000b-\u001f]/.test(body)
}

/** Whether a key may have this name: no blank, no plus. */
function isName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !/[\s+]/u.test(name)
}

function expectName(name: string): string {
  if (!isName(name)) throw new UsageError('expected a name without blanks and plus signs')
  return name
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
