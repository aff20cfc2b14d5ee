import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeBase64, encodeBase64 } from '../bytes/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import {
  cosignedAt,
  cosignNote,
  type NoteKey,
  noteSigner,
  parseCheckpoint,
  parseNote,
  parseNoteKey,
  serializeCheckpointBody,
  serializeNote,
  serializeNoteKey,
  signCheckpoint,
  signNote,
  verifyNote,
} from './index.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../../../../vectors/checkpoint.json', import.meta.url), 'utf8'),
) as {
  keys: string[]
  cases: { name: string; privateKey: string; key: string; body: string; note: string }[]
  checkpoint: { key: string; witnesses: string[]; size: number; time: number; note: string }
}

const log = noteSigner('log.example/sealwright', new Uint8Array(32).fill(1), crypto)
const witness = noteSigner('witness.example/w1', new Uint8Array(32).fill(2), crypto)
const logKey: NoteKey = { ...log, algorithm: 'ed25519' }
const witnessKey: NoteKey = { ...witness, algorithm: 'cosignature' }
const root = new Uint8Array(32).fill(9)

test('keys of other implementations are parsed and written again', () => {
  for (const text of vectors.keys) assert.equal(serializeNoteKey(parseNoteKey(text, crypto), crypto), text)
})

test('a note of golang.org/x/mod/sumdb/note is signed to the same text, and verifies', () => {
  for (const { name, privateKey, key, body, note } of vectors.cases) {
    const signer = noteSigner(name, decodeBase64(privateKey).slice(1), crypto)
    assert.equal(serializeNote(signNote({ body, signatures: [] }, signer, crypto)), note)
    assert.equal(serializeNoteKey({ ...signer, algorithm: 'ed25519' }, crypto), key)
    assert.equal(serializeNote(parseNote(note)), note)
    assert.ok(verifyNote(parseNote(note), parseNoteKey(key, crypto), crypto))
    const changed = parseNote(note.replace('answer', 'reason'))
    assert.equal(verifyNote(changed, parseNoteKey(key, crypto), crypto), false)
  }
})

test('[X1d] a checkpoint of a public log verifies with its key and with the keys of its witnesses', () => {
  const { key, witnesses, size, time, note: text } = vectors.checkpoint
  const checkpoint = parseCheckpoint(text)
  assert.equal(checkpoint.size, size)
  assert.equal(serializeNote(checkpoint.note), text)
  assert.ok(verifyNote(checkpoint.note, parseNoteKey(key, crypto), crypto))
  for (const one of witnesses)
    assert.equal(cosignedAt(checkpoint.note, parseNoteKey(one, crypto), crypto), time)
  const changed = parseNote(text.replace(String(size), String(size + 1)))
  assert.equal(verifyNote(changed, parseNoteKey(key, crypto), crypto), false)
  for (const one of witnesses) assert.equal(cosignedAt(changed, parseNoteKey(one, crypto), crypto), undefined)
})

test('[X1c] a checkpoint is signed, parsed and verified', () => {
  const text = signCheckpoint({ size: 5, root }, log, crypto)
  const checkpoint = parseCheckpoint(text)
  assert.equal(checkpoint.origin, log.name)
  assert.equal(checkpoint.size, 5)
  assert.deepEqual(checkpoint.root, root)
  assert.ok(verifyNote(checkpoint.note, logKey, crypto))
  assert.equal(cosignedAt(checkpoint.note, witnessKey, crypto), undefined)
  const foreign = noteSigner(log.name, new Uint8Array(32).fill(3), crypto)
  assert.equal(verifyNote(checkpoint.note, { ...foreign, algorithm: 'ed25519' }, crypto), false)
  assert.equal(verifyNote(checkpoint.note, { ...logKey, name: 'log.example/other' }, crypto), false)
})

test('[X1d] a witness cosigns a checkpoint with its time, and node:crypto verifies it', () => {
  const note = parseNote(signCheckpoint({ size: 5, root }, log, crypto))
  const cosigned = cosignNote(note, witness, 1_800_000_000, crypto)
  assert.equal(cosignedAt(cosigned, witnessKey, crypto), 1_800_000_000)
  assert.ok(verifyNote(cosigned, logKey, crypto))
  const { signature } = cosigned.signatures[1]!
  assert.equal(Buffer.from(signature).readBigUInt64BE(), 1_800_000_000n)
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), witness.publicKey])
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  const message = Buffer.from(`cosignature/v1\ntime 1800000000\n${note.body}`)
  assert.ok(verify(null, message, key, signature.subarray(8)))
  // The same key under the other algorithm is another key.
  assert.equal(verifyNote(cosigned, { ...witness, algorithm: 'ed25519' }, crypto), false)
  assert.equal(cosignedAt(note, { ...log, algorithm: 'cosignature' }, crypto), undefined)
  // A changed time does not verify.
  const later = signature.slice()
  later[7]! ^= 1
  const [first, second] = cosigned.signatures
  const changed = { ...cosigned, signatures: [first!, { ...second!, signature: later }] }
  assert.equal(cosignedAt(changed, witnessKey, crypto), undefined)
  const cut = { ...cosigned, signatures: [first!, { ...second!, signature: later.slice(0, 71) }] }
  assert.equal(cosignedAt(cut, witnessKey, crypto), undefined)
})

test('notes that are not well formed are refused', () => {
  const good = signCheckpoint({ size: 5, root }, log, crypto)
  const line = good.split('\n\n')[1]!
  for (const text of [
    '',
    'text\n',
    'text\n\n',
    good.slice(0, -1),
    `${good}\n`,
    `text\n${line}`,
    `te\u0007xt\n\n${line}`,
    `te\rxt\n\n${line}`,
    `text\n\n- ${line.slice(2)}`,
    `text\n\n${line.replace('— log', '—  log')}`,
    `text\n\n${line.replace('\n', ' \n')}`,
    `text\n\n${line.replace('log.', 'log+')}`,
    `text\n\n— name AAAA\n`,
    `text\n\n— name AAAAAA=\n`,
    `text\n\n${line}x\n`,
  ]) {
    assert.throws(() => parseNote(text), DecodeError, JSON.stringify(text))
  }
})

test('checkpoints that are not well formed are refused', () => {
  const hash = encodeBase64(root)
  assert.ok(
    parseCheckpoint(serializeNote(signNote({ body: `o\n5\n${hash}\n`, signatures: [] }, log, crypto))),
  )
  for (const body of [
    `o\n5\n${hash}\nextension\n`,
    `o\n5\n`,
    `\n5\n${hash}\n`,
    `o\n05\n${hash}\n`,
    `o\n-5\n${hash}\n`,
    `o\n5 \n${hash}\n`,
    `o\n9007199254740992\n${hash}\n`,
    `o\n5\n${hash.slice(0, -4)}\n`,
    `o\n5\nx${hash}\n`,
  ]) {
    const text = serializeNote(signNote({ body, signatures: [] }, log, crypto))
    assert.throws(() => parseCheckpoint(text), DecodeError, JSON.stringify(body))
  }
})

test('keys that are not well formed are refused', () => {
  const good = serializeNoteKey(logKey, crypto)
  assert.deepEqual(parseNoteKey(good, crypto), {
    name: log.name,
    algorithm: 'ed25519',
    publicKey: log.publicKey,
  })
  const [name, hash, key] = good.split(/\+(.{8})\+/s) as [string, string, string]
  const bytes = decodeBase64(key)
  for (const text of [
    '',
    name,
    `${name}+${hash}`,
    `${name}x+${hash}+${key}`,
    `${name}+00000000+${key}`,
    `${name}+${hash.toUpperCase()}x+${key}`,
    `na me+${hash}+${key}`,
    `${name}+${hash}+${key.slice(4)}`,
    `${name}+${hash}+${encodeBase64(Uint8Array.of(2, ...bytes.slice(1)))}`,
    `${name}+${hash}+${encodeBase64(Uint8Array.of(...bytes, 0))}`,
    `${good}\n`,
  ]) {
    assert.throws(() => parseNoteKey(text, crypto), DecodeError, text)
  }
})

test('what cannot be written is a UsageError', () => {
  for (const write of [
    () => noteSigner('two words', new Uint8Array(32), crypto),
    () => noteSigner('a+b', new Uint8Array(32), crypto),
    () => noteSigner('', new Uint8Array(32), crypto),
    () => serializeNote({ body: 'no newline', signatures: [] }),
    () => serializeCheckpointBody({ origin: 'o', size: -1, root }),
    () => serializeCheckpointBody({ origin: 'o', size: 1, root: root.slice(1) }),
    () => serializeCheckpointBody({ origin: 'o\nx', size: 1, root }),
  ]) {
    assert.throws(write, UsageError)
  }
})
