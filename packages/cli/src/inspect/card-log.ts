import { encodeHex } from '@sealwright/core/bytes'
import { parseDocument } from '@sealwright/core/cbor'
import { PeerError } from '@sealwright/core/errors'
import {
  type CardLogBody,
  parseCardLogEntry,
  parseCardLogFile,
  rebuildCertificates,
} from '@sealwright/core/signing-card'
import { nodeCrypto } from '@sealwright/node/crypto'
import type { Explanation } from './explanation.ts'

/** The log of a signing card, entry by entry, and whether its chain and every certificate in it hold. */
export function explainCardLog(bytes: Uint8Array): Explanation {
  const { serial, entries, proof } = parseCardLogFile(bytes)
  const inside = entries.map(parseCardLogEntry)
  const verdict = verdictOf(serial, entries)
  return {
    kind: 'log of a signing card',
    json: {
      serial,
      entries: inside.map(({ number, body }) => ({ number, kind: body.kind })),
      holds: verdict === undefined,
      proof: proof?.number ?? null,
    },
    lines: [
      `card ${encodeHex(serial)}`,
      ...inside.map(({ number, body }) => `  ${number} ${explainBody(body)}`),
      verdict ?? 'its chain holds, and every certificate in it is signed by the key of entry 1',
      proof === undefined
        ? "that it is the card's own, and whole, only the card can say: `sealwright unit card log`"
        : `the card's word that it is its own and whole, up to its event ${proof.number}, is in it: \`sealwright central acknowledge-log\` checks it with the card's identity`,
    ],
  }
}

function verdictOf(serial: Uint8Array, entries: readonly Uint8Array[]): string | undefined {
  try {
    rebuildCertificates(serial, entries, nodeCrypto)
    return undefined
  } catch (error) {
    if (error instanceof PeerError) return error.message
    throw error
  }
}

function explainBody(body: CardLogBody): string {
  switch (body.kind) {
    case 'key-made':
      return `key made: ${encodeHex(body.point)}`
    case 'unit-certified':
      return "the unit's certificate stored, and the central system's made"
    case 'document-taken':
      return `taken: ${parseDocument(body.document).type}`
    case 'operating-certified': {
      const { serial, begin, ticket, requester, approver } = body
      const at = new Date(begin.time * 1000).toISOString()
      const people = `asked for by ${encodeHex(requester)}, approved by ${encodeHex(approver)}`
      return `module ${encodeHex(serial)} certified at ${at}, number ${ticket.number} of the ticket ${encodeHex(ticket.id)}, ${people}`
    }
  }
}
