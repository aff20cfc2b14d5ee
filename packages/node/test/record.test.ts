import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { parseDocument } from '@sealwright/core/cbor'
import { parseEntry } from '@sealwright/core/log'
import { nodeCrypto } from '@sealwright/node/crypto'
import { plain } from '@sealwright/roles/channel'
import { readHead, readOutbox } from '@sealwright/roles/custody'
import { append, enroll, verifyLog } from '@sealwright/roles/log'
import { logSigningKey, type PartyName, parties } from '@sealwright/roles/ports'
import { Life, stages } from './life/index.ts'
import { readPrograms } from './life/programs.ts'
import { serials } from './life/stage.ts'

test('[X1a] every event of four whole lives is the signed entry of exactly one party, numbered from 1, and the log takes them all', async () => {
  const life = Life.begin({ crypto: nodeCrypto, programs: readPrograms() })
  for (const stage of stages) {
    life.seed(stage.name)
    await stage.run(life)
  }
  const log = await life.party('log')
  const writers = (Object.keys(parties) as PartyName[]).filter((party) => party !== 'log')
  const documents: Uint8Array[] = []
  for (const party of writers) {
    const ports = await life.party(party)
    const point = await ports.vault.publicPoint(logSigningKey)
    await enroll(log, { party, point, chain: [] })
    const outbox = await readOutbox(ports)
    for (const document of outbox) assert.equal(parseEntry(parseDocument(document)).party, party)
    documents.push(...outbox)
  }
  const numbers = new Map<string, number[]>()
  for (const document of documents) {
    const { serial, number } = parseEntry(parseDocument(document))
    numbers.set(encodeHex(serial), [...(numbers.get(encodeHex(serial)) ?? []), number])
  }
  for (const chip of life.chips.keys() as MapIterator<keyof typeof serials>) {
    life.seed(`head of ${chip}`)
    const { number } = await readHead(plain(life.module(chip)))
    const told = numbers.get(encodeHex(serials[chip]))!.sort((a, b) => a - b)
    assert.deepEqual(
      told,
      Array.from({ length: number }, (_, i) => i + 1),
      chip,
    )
  }
  const outcomes = await append(log, documents)
  assert.deepEqual(
    outcomes.filter(({ kind }) => kind !== 'appended'),
    [],
  )
  assert.deepEqual((await verifyLog(log)).problems, [])
})
