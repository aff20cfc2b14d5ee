import { encodeHex, equal } from '@sealwright/core/bytes'
import { documentTypes, eventTypeOf } from '@sealwright/core/catalog'
import type { CborValue, SignedDocument } from '@sealwright/core/cbor'
import { parseEntry } from '@sealwright/core/log'
import { type ApprovalRequest, matterWords, parseApproval } from '@sealwright/core/people'
import { timeText } from '../framework/index.ts'
import type { Explanation } from './explanation.ts'

/** A signed document; its signature needs the signer's key and is not checked. */
export function explainDocument(document: SignedDocument): Explanation {
  const { type, keyId, payload } = document
  const head = [`signed by the key ${encodeHex(keyId)} (not checked)`]
  if (type === 'approval') {
    const { approval } = parseApproval(document.encoded)
    const role = equal(approval.requester, keyId) ? 'asks' : 'approves what another person asks'
    return {
      kind: `signed document: ${type}`,
      json: { type, keyId, payload: plainOf(payload) },
      lines: [documentTypes[type].text, ...head, `the signer ${role}`, ...explainRequest(approval)],
    }
  }
  if (type !== 'entry') {
    return {
      kind: `signed document: ${type}`,
      json: { type, keyId, payload: plainOf(payload) },
      lines: [documentTypes[type].text, ...head, ...explainCbor(payload)],
    }
  }
  const entry = parseEntry(document)
  const event = eventTypeOf(entry.type) ?? `type ${entry.type}`
  const at = new Date(entry.at * 1000).toISOString()
  return {
    kind: 'log entry',
    json: { ...entry, serial: encodeHex(entry.serial), event, keyId },
    lines: [
      `module ${encodeHex(entry.serial)}, event ${entry.number}: ${event}`,
      `stated by ${entry.party} at ${at}`,
      ...head,
      `digest ${encodeHex(entry.digest)}`,
      `chain before ${encodeHex(entry.previous)}`,
      ...[...entry.details].map(
        ([name, value]) => `${name}: ${value instanceof Uint8Array ? encodeHex(value) : value}`,
      ),
    ],
  }
}

/** In words, what people are asked for. */
export function explainRequest({ matter, actor, nonce, until }: ApprovalRequest): string[] {
  return [
    ...matterWords(matter).map(([name, text]) => `${name}: ${text}`),
    `by the key ${encodeHex(actor)}, in the run ${encodeHex(nonce)}`,
    `until ${timeText(until)}`,
  ]
}

/** One line a field, nested ones indented. */
export function explainCbor(value: CborValue): string[] {
  if (value instanceof Map) {
    return [...value].flatMap(([key, inner]) => {
      const lines = explainCbor(inner)
      return isNested(inner) ? [`${key}:`, ...lines.map((line) => `  ${line}`)] : [`${key}: ${lines[0]}`]
    })
  }
  if (Array.isArray(value))
    return value.flatMap((item) => explainCbor(item).map((line, i) => (i === 0 ? '- ' : '  ') + line))
  if (value instanceof Uint8Array) return [encodeHex(value) || '(no bytes)']
  return [String(value)]
}

function isNested(value: CborValue): boolean {
  return value instanceof Map || Array.isArray(value)
}

function plainOf(value: CborValue): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, inner]) => [String(key), plainOf(inner)]))
  return Array.isArray(value) ? value.map(plainOf) : value
}
