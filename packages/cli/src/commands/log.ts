import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { eventTypeOf } from '@sealwright/core/catalog'
import { parseCheckpoint, serializeNoteKey } from '@sealwright/core/log'
import { pemToCertificates } from '@sealwright/core/x509'
import { parseEntriesFile } from '@sealwright/roles/custody'
import {
  append,
  enroll,
  type Leaf,
  LogBook,
  listEnrolments,
  makeCheckpoint,
  type Outcome,
  readLogKey,
  verifyLog,
} from '@sealwright/roles/log'
import type { Command } from 'commander'
import { type Context, failing, fields, report, table } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  const log = context.group(
    program,
    'log',
    'the log: take entries, sign checkpoints, check',
    'The log is a party of its own. It takes signed entries of every party, keeps them in one Merkle tree (RFC 6962) and signs what the tree looked like at a moment: a checkpoint. From then on no entry can be changed, left out or slipped in unnoticed.',
  )

  context.verb(log, {
    name: 'enroll <party> <file>',
    summary: 'take entries signed by a party from now on',
    about:
      'Tells the log the public key with which a party signs its entries, and whose steps it may state: those of the role in its certificate, else of the role that PARTY names (issuer, manufacturer, mounter, unit, central, loader, terminal, operator, supplier). A workspace that is made with all parties has enrolled them already.',
    reads: ['FILE: the key, as `sealwright keys PARTY --public FILE` writes it'],
    examples: ['log enroll mounter mounter.pub'],
    options: [{ flags: '--chain <pem>', text: 'certificates of that key, leaf first, without the root' }],
    async run(step) {
      const [party, file] = [step.argument(0), step.argument(1)]
      const point = decodeHex(new TextDecoder().decode(step.readFile(file)))
      const pem = step.optional('chain')
      const chain = pem === undefined ? [] : pemToCertificates(new TextDecoder().decode(step.readFile(pem)))
      await enroll(step.party('log'), { party, point, chain })
      return report({ party, point }, `the log takes entries of ${party}`)
    },
  })

  context.verb(log, {
    name: 'parties',
    summary: 'list the enrolled parties',
    about: 'Lists whose entries the log takes, with the first bytes of the SHA-256 of their keys.',
    examples: ['log parties'],
    async run(step) {
      const ports = step.party('log')
      const enrolled = await listEnrolments(ports)
      const rows = enrolled.map(({ party, point, chain }) => ({
        party,
        checkValue: ports.crypto.sha256(point).slice(0, 8),
        certified: chain.length > 0,
      }))
      return report(
        { parties: rows },
        ...table(
          ['party', 'key', 'certificates'],
          rows.map((row) => [row.party, encodeHex(row.checkValue), row.certified ? 'yes' : '–']),
        ),
      )
    },
  })

  context.verb(log, {
    name: 'append <file...>',
    summary: 'take entries from files of the parties',
    about:
      "Takes signed entries. Each must be signed by an enrolled party, state a step of that party's role, and continue its module's chain of events; one that comes before its predecessors waits for them. What is refused is recorded as refused.",
    reads: ['FILE: entries, as `sealwright outbox PARTY --out FILE` writes them'],
    writes: ['WORKSPACE/log/store/'],
    examples: ['log append issuer.entries mounter.entries'],
    async run(step) {
      const documents = step.list(0).flatMap((file) => documentsOf(step.readFile(file)))
      const outcomes = await append(step.party('log'), documents)
      const count = (kind: Outcome['kind']): number => outcomes.filter((one) => one.kind === kind).length
      const counts = {
        appended: count('appended'),
        known: count('known'),
        waiting: count('waiting'),
        refused: count('refused'),
      }
      const found = report(
        { ...counts, outcomes: outcomes.map(outcomeFields) },
        ...outcomes.filter(({ kind }) => kind !== 'known').map(outcomeLine),
        ...fields(counts),
      )
      return counts.refused === 0 ? found : failing('log-refused', found)
    },
  })

  context.verb(log, {
    name: 'checkpoint',
    summary: 'sign the state of the log',
    about:
      "Signs the size and the root hash of the tree with the log's key, as a C2SP checkpoint. Give it to everybody: with it a passport is proved, and two of them show whether the log has kept to its past.",
    writes: ['FILE: the checkpoint, text'],
    examples: ['log checkpoint --out checkpoint.txt', 'log checkpoint'],
    options: [{ flags: '--out <file>', text: 'write it to this file' }],
    async run(step) {
      const ports = step.party('log')
      const text = await makeCheckpoint(ports)
      const { origin, size, root } = parseCheckpoint(text)
      const out = step.optional('out')
      if (out !== undefined) step.replaceFile(out, new TextEncoder().encode(text))
      const key = serializeNoteKey(await readLogKey(ports), ports.crypto)
      return report({ origin, size, root, text, key }, ...text.trimEnd().split('\n'))
    },
  })

  context.verb(log, {
    name: 'key',
    summary: "print the log's public key",
    about:
      "Prints the log's public key with its name, in the form that tools for signed notes take (C2SP). Whoever verifies a passport must have it from the log itself, never from the passport.",
    examples: ['log key > log.key'],
    async run(step) {
      const ports = step.party('log')
      const key = serializeNoteKey(await readLogKey(ports), ports.crypto)
      return report({ key }, key)
    },
  })

  context.verb(log, {
    name: 'show',
    summary: 'list what stands in the log',
    about: 'Lists every leaf in its order: entries, and what was refused and why.',
    examples: ['log show', 'log show --serial 0102030405060708'],
    options: [{ flags: '--serial <hex>', text: 'only this module' }],
    async run(step) {
      const book = await LogBook.open(step.party('log'))
      const wanted = step.optional('serial')?.toUpperCase()
      const leaves: ReturnType<typeof leafFields>[] = []
      for (let place = 0; place < book.size; place++) {
        const row = leafFields(place, await book.leaf(place))
        if (wanted === undefined || row.module === wanted) leaves.push(row)
      }
      return report(
        { size: book.size, root: book.tree.root(), leaves },
        ...table(
          ['leaf', 'module', 'number', 'event', 'party'],
          leaves.map((row) => [
            String(row.leaf),
            row.module ?? '–',
            row.number === undefined ? '–' : String(row.number),
            row.event ?? `refused: ${row.reason}`,
            row.party ?? '–',
          ]),
        ),
        ...fields({ size: book.size, root: encodeHex(book.tree.root()) }),
      )
    },
  })

  context.verb(log, {
    name: 'verify',
    summary: 'check the whole log from its leaves',
    about:
      "Reads every leaf again and checks the signatures, each module's chain of events, and that every checkpoint that was ever signed is of this tree.",
    examples: ['log verify'],
    async run(step) {
      const { problems, ...counts } = await verifyLog(step.party('log'))
      const found = report(
        { ...counts, problems },
        ...fields(counts),
        ...(problems.length === 0 ? ['everything holds'] : problems),
      )
      return problems.length === 0 ? found : failing('log-unproven', found)
    },
  })
}

/** A file of a party's outbox, or one entry. */
function documentsOf(bytes: Uint8Array): Uint8Array[] {
  return bytes[0] === 0xd2 ? [bytes] : parseEntriesFile(bytes)
}

function outcomeFields(outcome: Outcome): Record<string, unknown> {
  const { kind, entry } = outcome
  return {
    kind,
    ...(entry === undefined ? {} : { module: entry.serial, number: entry.number, party: entry.party }),
    ...('place' in outcome ? { place: outcome.place } : {}),
    ...('reason' in outcome ? { reason: outcome.reason } : {}),
    ...('missing' in outcome ? { missing: outcome.missing } : {}),
  }
}

function outcomeLine(outcome: Outcome): string {
  const { entry } = outcome
  const what =
    entry === undefined
      ? 'a file'
      : `${encodeHex(entry.serial)} ${entry.number} ${eventTypeOf(entry.type) ?? entry.type} (${entry.party})`
  switch (outcome.kind) {
    case 'appended':
    case 'known':
      return `${outcome.kind}: ${what} at leaf ${outcome.place}`
    case 'waiting':
      return `waiting: ${what} until entry ${outcome.missing} comes`
    case 'refused':
      return `refused: ${what}: ${outcome.reason}`
  }
}

function leafFields(place: number, leaf: Leaf) {
  if (leaf.kind === 'refusal') {
    const { reason, digest, at, about } = leaf.refusal
    return {
      leaf: place,
      module: about && encodeHex(about.serial),
      number: about?.number,
      event: undefined,
      party: about?.party,
      reason,
      digest,
      at,
    }
  }
  const { serial, number, type, party, at, digest } = leaf.entry
  return {
    leaf: place,
    module: encodeHex(serial),
    number,
    event: eventTypeOf(type) ?? `type ${type}`,
    party,
    reason: undefined,
    digest,
    at,
  }
}
