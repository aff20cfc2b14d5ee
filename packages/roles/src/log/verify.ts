import { equal } from '@sealwright/core/bytes'
import { parseDocument, verifyDocument } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import { linkOfEntry, verifyNote } from '@sealwright/core/log'
import type { PartyPorts } from '../ports/index.ts'
import { listCheckpoints, readLogKey } from './checkpoint.ts'
import { findEnrolment } from './enrolment.ts'
import { LogBook } from './log-book.ts'

export interface LogVerification {
  readonly size: number
  readonly entries: number
  readonly refusals: number
  readonly modules: number
  readonly checkpoints: number
  /** What does not hold; empty when all does. */
  readonly problems: readonly string[]
}

/** Checks the whole log from its leaves: signatures, every module's chain, and that each checkpoint is of this tree. */
export async function verifyLog(ports: PartyPorts): Promise<LogVerification> {
  const { crypto } = ports
  const book = await LogBook.rebuild(ports)
  const problems: string[] = []
  const chains = new Map<string, { number: number; chain: Uint8Array }>()
  let entries = 0
  for (let place = 0; place < book.size; place++) {
    const leaf = await book.leaf(place)
    if (leaf.kind === 'refusal') continue
    entries++
    const { entry } = leaf
    const document = parseDocument(leaf.document)
    const enrolment = await findEnrolment(ports, document.keyId)
    if (enrolment === undefined || enrolment.party !== entry.party) {
      problems.push(`leaf ${place}: the key that signed it is not enrolled for ${entry.party}`)
    } else {
      const holds = withHandle(crypto.ecPublicKey(enrolment.point), (key) =>
        verifyDocument(document, 'entry', key, crypto),
      )
      if (!holds) problems.push(`leaf ${place}: the signature is wrong`)
    }
    const serial = String(entry.serial)
    const before = chains.get(serial)
    const continues =
      before === undefined
        ? entry.number === 1
        : entry.number === before.number + 1 && equal(entry.previous, before.chain)
    if (!continues) problems.push(`leaf ${place}: does not continue its module's chain`)
    chains.set(serial, { number: entry.number, chain: linkOfEntry(entry, crypto) })
  }
  const key = await readLogKey(ports)
  const checkpoints = await listCheckpoints(ports)
  for (const { origin, size, root, note } of checkpoints) {
    if (origin !== key.name || !verifyNote(note, key, crypto)) {
      problems.push(`checkpoint ${size}: not signed by this log`)
    } else if (size > book.size || !equal(book.tree.root(size), root)) {
      problems.push(`checkpoint ${size}: not of this tree`)
    }
  }
  await book.save()
  return {
    size: book.size,
    entries,
    refusals: book.size - entries,
    modules: chains.size,
    checkpoints: checkpoints.length,
    problems,
  }
}
