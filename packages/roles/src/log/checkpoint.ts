import { encodeHex } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import {
  type NoteKey,
  noteKeyHash,
  parseCheckpoint,
  type SignedCheckpoint,
  serializeCheckpointBody,
  serializeNote,
} from '@sealwright/core/log'
import { logSigningKey, type PartyPorts } from '../ports/index.ts'
import { LogBook } from './log-book.ts'

/** The log's public key under its name. The name follows from the key, so that no two logs share one. */
export async function readLogKey({ vault, crypto }: Pick<PartyPorts, 'vault' | 'crypto'>): Promise<NoteKey> {
  const publicKey = await vault.publicPoint(logSigningKey)
  const name = `sealwright.invalid/log-${encodeHex(crypto.sha256(publicKey).subarray(0, 4)).toLowerCase()}`
  return { name, algorithm: 'ed25519', publicKey }
}

/** Signs the state of the log as it is now and keeps the note. The same state again gives the same note. */
export async function makeCheckpoint(ports: PartyPorts): Promise<string> {
  const { store, vault, crypto } = ports
  const book = await LogBook.open(ports)
  const latest = await latestCheckpoint(ports)
  if (latest !== undefined && latest.size === book.size) return latest.text
  const key = await readLogKey(ports)
  const body = serializeCheckpointBody({ origin: key.name, size: book.size, root: book.tree.root() })
  const signature = await vault.sign(logSigningKey, new TextEncoder().encode(body))
  const text = serializeNote({
    body,
    signatures: [{ name: key.name, keyHash: noteKeyHash(key, crypto), signature }],
  })
  await store.write(fileOf(book.size), new TextEncoder().encode(text))
  return text
}

/** The checkpoints that were made, oldest first. */
export async function listCheckpoints({
  store,
}: Pick<PartyPorts, 'store'>): Promise<(SignedCheckpoint & { text: string })[]> {
  const found: (SignedCheckpoint & { text: string })[] = []
  for (const name of await store.list(folder)) found.push(read(await store.read(name), name))
  return found
}

export async function latestCheckpoint({
  store,
}: Pick<PartyPorts, 'store'>): Promise<(SignedCheckpoint & { text: string }) | undefined> {
  const name = (await store.list(folder)).at(-1)
  return name === undefined ? undefined : read(await store.read(name), name)
}

function read(bytes: Uint8Array | undefined, name: string): SignedCheckpoint & { text: string } {
  if (bytes === undefined) throw new DecodeError(`log: ${name} is missing`)
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  return { ...parseCheckpoint(text), text }
}

function fileOf(size: number): string {
  return `${folder}${String(size).padStart(10, '0')}`
}

const folder = 'checkpoints/'
