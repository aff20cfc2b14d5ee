import { ascii } from '../../bytes/index.ts'
import { type EventType, eventTypes } from '../../catalog/index.ts'
import { signDocument } from '../../cbor/index.ts'
import type { Crypto } from '../../ports/index.ts'
import type { RoleName } from '../../x509/index.ts'
import { type TestOnlyPki, testOnlyPki, testOnlySerial } from '../../x509/testing/index.ts'
import { signCheckpoint } from '../checkpoint.ts'
import { entryFields, type LogEntry, linkOfEntry } from '../entry.ts'
import { chainStart, passportHeadInput } from '../event-chain.ts'
import { leafHash, MerkleTree } from '../merkle.ts'
import { cosignNote, type NoteSigner, noteSigner, parseNote, serializeNote } from '../note.ts'
import { buildPassport, type Passport, type PassportParty, type SignedHead } from '../passport.ts'

/** A module's life in a log beside other modules' entries: for tests alone. Its parts can be changed and put together again. */
export interface TestOnlyStory {
  readonly pki: TestOnlyPki
  readonly log: NoteSigner
  readonly witness: NoteSigner
  readonly nonce: Uint8Array
  readonly start: { readonly romDigest: Uint8Array; readonly imageDigest: Uint8Array }
  readonly entries: readonly LogEntry[]
  /** Who signs the entry of the same place. */
  readonly signers: readonly RoleName[]
  /** Signs an entry as that role. */
  sign(entry: LogEntry, signer: RoleName): Uint8Array
  party(role: RoleName): PassportParty
  /** Entries renumbered and linked anew from what the module would keep. */
  linked(entries: readonly LogEntry[]): LogEntry[]
  head(entries: readonly LogEntry[], key?: SignedHead['key']): SignedHead
  /** A log of these documents between others, its passport under a checkpoint by this log and witness. */
  passport(changes?: {
    readonly entries?: readonly LogEntry[]
    readonly signers?: readonly RoleName[]
    readonly head?: SignedHead
    readonly log?: NoteSigner
    readonly witness?: NoteSigner
    /** Data of the leaves of other modules. */
    readonly others?: string
    readonly start?: TestOnlyStory['start']
  }): Passport
}

const at = Date.UTC(2026, 5, 1) / 1000

export function testOnlyStory(crypto: Crypto): TestOnlyStory {
  const pki = testOnlyPki(crypto)
  const start = { romDigest: crypto.sha256(ascii('rom')), imageDigest: crypto.sha256(ascii('image')) }
  const identity = crypto.sha256(pki.certificates['module-identity'].encoded)
  const operating = crypto.sha256(pki.certificates['module-operating'].encoded)
  const steps: [EventType, RoleName, Uint8Array][] = [
    ['serial-written', 'mounter', crypto.sha256(testOnlySerial)],
    ['unlocked', 'issuer', crypto.sha256(ascii('software'))],
    ['identity-made', 'manufacturer', crypto.sha256(pki.keys['module-identity'].publicPoint)],
    ['identity-certified', 'manufacturer', identity],
    ['finished', 'issuer', crypto.sha256(ascii('vectors'))],
    ['personalized', 'unit', operating],
    ['key-imported', 'loader', crypto.sha256(ascii('key'))],
  ]

  const linked: TestOnlyStory['linked'] = (entries) => {
    let previous = chainStart(crypto, start.romDigest, start.imageDigest)
    return entries.map((entry, index) => {
      const next = { ...entry, number: index + 1, previous }
      previous = linkOfEntry(next, crypto)
      return next
    })
  }
  const entries = linked(
    steps.map(([type, role, digest], index) => ({
      serial: testOnlySerial,
      number: index + 1,
      previous: new Uint8Array(32),
      type: eventTypes[type].code,
      digest,
      at: at + 3600 * index,
      party: `Example ${role}`,
      details: new Map([['step', type]]),
    })),
  )
  const signers = steps.map(([, role]) => role)
  const log = noteSigner('log.example/sealwright', crypto.sha256(ascii('testOnly log')), crypto)
  const witness = noteSigner('witness.example/w1', crypto.sha256(ascii('testOnly witness')), crypto)
  const nonce = ascii('nonce of reader1')

  const sign: TestOnlyStory['sign'] = (entry, signer) =>
    signDocument('entry', entryFields(entry), pki.keys[signer], crypto)
  const party: TestOnlyStory['party'] = (role) => ({ chain: [pki.certificates[role].encoded] })
  const head: TestOnlyStory['head'] = (list, key = 'operating') => {
    const last = list.at(-1)!
    const chain = linkOfEntry(last, crypto)
    const input = passportHeadInput({ serial: last.serial, nonce, number: last.number, chain })
    return { nonce, number: last.number, chain, key, signature: pki.keys[`module-${key}`].sign(...input) }
  }

  return {
    pki,
    log,
    witness,
    nonce,
    start,
    entries,
    signers,
    sign,
    party,
    linked,
    head,
    passport(changes = {}) {
      const list = changes.entries ?? entries
      const tree = new MerkleTree(crypto)
      const other = (i: number) => tree.append(leafHash(ascii(`${changes.others ?? 'other'} ${i}`), crypto))
      const steps = list.map((entry, index) => {
        for (let i = 0; i < 3; i++) other(3 * index + i)
        const signer = (changes.signers ?? signers)[index]!
        const document = sign(entry, signer)
        return { document, signer: party(signer), index: tree.append(leafHash(document, crypto)) }
      })
      other(99)
      const signed = signCheckpoint({ size: tree.size, root: tree.root() }, changes.log ?? log, crypto)
      const checkpoint = changes.witness
        ? serializeNote(cosignNote(parseNote(signed), changes.witness, at + 86400, crypto))
        : signed
      const signedHead = changes.head ?? head(list)
      const { certificates } = pki
      const chain =
        signedHead.key === 'identity'
          ? [certificates['module-identity']]
          : [certificates['module-operating'], certificates.unit]
      return buildPassport(
        {
          serial: testOnlySerial,
          start: changes.start ?? start,
          entries: steps,
          checkpoint,
          head: signedHead,
          chain: chain.map(({ encoded }) => encoded),
        },
        tree,
      )
    },
  }
}
