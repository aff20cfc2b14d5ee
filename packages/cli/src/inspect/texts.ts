import { encodeHex } from '@sealwright/core/bytes'
import { parseChangeFile } from '@sealwright/core/customization'
import { DecodeError } from '@sealwright/core/errors'
import { parseCheckpoint, parseNote, parseNoteKey } from '@sealwright/core/log'
import { pemToCertificates } from '@sealwright/core/x509'
import { nodeCrypto } from '@sealwright/node/crypto'
import type { Explanation } from './explanation.ts'
import { explainCertificate } from './keys.ts'

/** PEM, a checkpoint or other signed note, a log's key, a change file; undefined when the bytes are no such text. */
export function explainText(bytes: Uint8Array): Explanation | undefined {
  const text = decode(bytes)
  if (text === undefined) return undefined
  if (text.includes('-----BEGIN CERTIFICATE-----')) {
    const certificates = pemToCertificates(text).map(explainCertificate)
    return {
      kind: certificates.length === 1 ? 'certificate (PEM)' : `${certificates.length} certificates (PEM)`,
      json: { certificates: certificates.map(({ json }) => json) },
      lines: certificates.flatMap(({ lines }, i) => (i === 0 ? lines : ['', ...lines])),
    }
  }
  if (text.includes('\n\n\u2014 ')) return explainNote(text)
  if (/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n?$/.test(text)) {
    const { name, algorithm, publicKey } = parseNoteKey(text.trimEnd(), nodeCrypto)
    return {
      kind: 'key of a log or witness',
      json: { name, algorithm, publicKey },
      lines: [`name ${name}`, `algorithm ${algorithm}`, `public key ${encodeHex(publicKey)}`],
    }
  }
  if (/^\s*\{/.test(text) && /"(software|vectors|natives|keyPlaces|data|suites)"\s*:/.test(text)) {
    return explainChange(bytes)
  }
  return undefined
}

function explainChange(bytes: Uint8Array): Explanation {
  const change = parseChangeFile(bytes)
  const { name, software = [], data = [], suites = [], keyPlaces = [], vectors = [], natives = [] } = change
  const hex = (value: number, bytes: number) =>
    value
      .toString(16)
      .toUpperCase()
      .padStart(2 * bytes, '0')
  const places = (all: readonly number[]) =>
    all.length === 0 ? '' : `, keys ${all.map((one) => hex(one, 4)).join(' ')}`
  return {
    kind: 'change file',
    json: { ...change },
    lines: [
      ...(name === undefined ? [] : [`product name ${name}`]),
      ...software.map(
        (one) =>
          `software ${one.program}: ${one.wasm}, may use ${one.interfaces.join(' ') || 'nothing'}${places(one.keyPlaces)}, ${one.dataSize === undefined ? 'its data stay' : `new data area of ${one.dataSize} bytes`}`,
      ),
      ...data.map(({ program, bytes: content }) => `data of program ${program}: ${content.length} bytes`),
      ...(suites.length === 0 ? [] : [`suites ${suites.map((one) => hex(one, 2)).join(' ')}`]),
      ...keyPlaces.map(({ place, kind, usage }) => `place ${hex(place, 4)}: ${kind}, usage ${usage}`),
      ...vectors.map(
        (one) => `instruction ${hex(one.ins, 1)}: function ${one.function} of program ${one.program}`,
      ),
      ...natives.map((one) => `native command ${one}`),
    ],
  }
}

function explainNote(text: string): Explanation {
  const signers = parseNote(text).signatures.map(({ name }) => name)
  try {
    const { origin, size, root } = parseCheckpoint(text)
    return {
      kind: 'checkpoint',
      json: { origin, size, root, signers },
      lines: [
        `log ${origin}`,
        `${size} leaves`,
        `root ${encodeHex(root)}`,
        `signed by ${signers.join(', ')} (not checked)`,
      ],
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return {
      kind: 'signed note',
      json: { signers },
      lines: [`signed by ${signers.join(', ')} (not checked)`],
    }
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
