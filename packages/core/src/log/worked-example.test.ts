import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { decodeHex, encodeHex } from '../bytes/index.ts'
import { parseDocument, signDocument } from '../cbor/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { parseCertificate } from '../x509/index.ts'
import {
  chainStart,
  entryFields,
  type LogEntry,
  leafHash,
  linkOfEntry,
  MerkleTree,
  noteSigner,
  parseCheckpoint,
  parseEntry,
  parseNoteKey,
  parsePassport,
  passportHeadInput,
  passportHolds,
  serializeNoteKey,
  serializePassport,
  signCheckpoint,
  verifyInclusion,
  verifyPassport,
} from './index.ts'

// The worked example of docs/SPEC/log.md and passport.md, both ways: from the values to the bytes, and back.

interface Example {
  readonly serial: string
  readonly romDigest: string
  readonly imageDigest: string
  readonly chainStart: string
  readonly entries: readonly {
    readonly privateKey: string
    readonly number: number
    readonly type: number
    readonly digest: string
    readonly previous: string
    readonly at: number
    readonly party: string
    readonly details: Readonly<Record<string, string>>
    readonly document: string
    readonly chain: string
    readonly leafHash: string
  }[]
  readonly logName: string
  readonly logPrivateKey: string
  readonly logKey: string
  readonly checkpoint: string
  readonly nonce: string
  readonly modulePrivateKey: string
  readonly headSigned: string
  readonly headSignature: string
  readonly root: string
  readonly passport: string
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../../../vectors/log.json', import.meta.url), 'utf8'),
) as {
  cases: Example[]
}

for (const example of cases) {
  const serial = decodeHex(example.serial)
  const start = { romDigest: decodeHex(example.romDigest), imageDigest: decodeHex(example.imageDigest) }
  const entries = example.entries.map(
    (one): LogEntry => ({
      serial,
      number: one.number,
      previous: decodeHex(one.previous),
      type: one.type,
      digest: decodeHex(one.digest),
      at: one.at,
      party: one.party,
      details: new Map(Object.entries(one.details)),
    }),
  )
  const hex = (bytes: Uint8Array): string => encodeHex(bytes)

  suite('worked example of the log', () => {
    test('the chain begins over ROM and image, and every entry carries the link before it', () => {
      let chain = chainStart(crypto, start.romDigest, start.imageDigest)
      assert.equal(hex(chain), example.chainStart)
      for (const [i, entry] of entries.entries()) {
        assert.equal(hex(entry.previous), hex(chain))
        chain = linkOfEntry(entry, crypto)
        assert.equal(hex(chain), example.entries[i]!.chain)
      }
    })

    test('entries: from the values to the document, and back', () => {
      for (const [i, { document, privateKey }] of example.entries.entries()) {
        const key = crypto.ecPrivateKey(decodeHex(privateKey))
        assert.equal(hex(signDocument('entry', entryFields(entries[i]!), key, crypto)), document)
        assert.deepEqual(parseEntry(parseDocument(decodeHex(document))), entries[i])
        key[Symbol.dispose]()
      }
    })

    test('tree and checkpoint: from the entries to the text, and back', () => {
      const hashes = example.entries.map(({ document }) => leafHash(decodeHex(document), crypto))
      assert.deepEqual(
        hashes.map(hex),
        example.entries.map((one) => one.leafHash),
      )
      const tree = new MerkleTree(crypto, hashes)
      const log = noteSigner(example.logName, decodeHex(example.logPrivateKey), crypto)
      assert.equal(signCheckpoint({ size: tree.size, root: tree.root() }, log, crypto), example.checkpoint)
      assert.equal(serializeNoteKey({ ...log, algorithm: 'ed25519' }, crypto), example.logKey)
      const { origin, size, root } = parseCheckpoint(example.checkpoint)
      assert.deepEqual([origin, size, hex(root)], [example.logName, entries.length, hex(tree.root())])
    })

    test("the module's head: what is signed, and the signature", () => {
      const last = entries.at(-1)!
      const nonce = decodeHex(example.nonce)
      const input = passportHeadInput({
        serial,
        nonce,
        number: last.number,
        chain: linkOfEntry(last, crypto),
      })
      assert.equal(input.map(hex).join(''), example.headSigned)
      const key = crypto.ecPrivateKey(decodeHex(example.modulePrivateKey))
      assert.equal(hex(key.sign(...input)), example.headSignature)
      key[Symbol.dispose]()
    })

    test('the passport: read, written again, and verified with key, root and nonce', () => {
      const bytes = decodeHex(example.passport)
      const passport = parsePassport(bytes)
      assert.equal(hex(serializePassport(passport)), example.passport)
      assert.deepEqual(passport.start, start)
      assert.deepEqual(
        passport.entries.map(({ document }) => hex(document)),
        example.entries.map(({ document }) => document),
      )
      for (const { document, inclusion } of passport.entries) {
        const { size, root } = parseCheckpoint(passport.checkpoint!)
        assert.ok(
          verifyInclusion({ leafHash: leafHash(document, crypto), size, root, ...inclusion! }, crypto),
        )
      }
      const findings = verifyPassport(
        {
          passport,
          logKey: parseNoteKey(example.logKey, crypto),
          manufacturerRoot: parseCertificate(decodeHex(example.root)),
          at: entries.at(-1)!.at,
          nonce: decodeHex(example.nonce),
        },
        crypto,
      )
      assert.ok(passportHolds(findings))
      assert.deepEqual(
        findings.filter(({ verdict }) => verdict !== 'verified').map(({ check }) => check),
        ['log-witnesses'],
      )
    })
  })
}
