import { encodeHex, equal } from '@sealwright/core/bytes'
import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import type { DepersonalizeRequest } from '@sealwright/core/personalization'
import type { PartyPorts } from '../ports/index.ts'

/** What the central system keeps of an end that it asks for: the key that signs the receipt is not shown any more afterwards. */
export interface Depersonalization {
  readonly request: DepersonalizeRequest
  /** The operating key, 65 bytes. */
  readonly point: Uint8Array
}

export async function writeDepersonalization({ store }: PartyPorts, asked: Depersonalization): Promise<void> {
  await store.write(fileOf(asked.request.serial), serializeDepersonalization(asked))
}

/** The last end that was asked for of a module. */
export async function readDepersonalization(
  { store }: PartyPorts,
  serial: Uint8Array,
): Promise<Depersonalization | undefined> {
  const bytes = await store.read(fileOf(serial))
  return bytes && parseDepersonalization(bytes)
}

/**
 * A session under another operating certificate: the module has gone on since the end that was asked for, and its receipt, which anybody on
 * the line can have kept, says nothing of this personalization.
 */
export async function forgetEarlierEnd(
  ports: PartyPorts,
  serial: Uint8Array,
  operating: Uint8Array,
): Promise<void> {
  const asked = await readDepersonalization(ports, serial)
  if (asked === undefined || equal(asked.request.certificateDigest, ports.crypto.sha256(operating))) return
  await ports.store.remove(fileOf(serial))
}

export function serializeDepersonalization({ request, point }: Depersonalization): Uint8Array {
  const { serial, certificateDigest: certificate } = request
  return encodeCanonical({ v: 1, format, serial, certificate, point })
}

export function parseDepersonalization(bytes: Uint8Array): Depersonalization {
  const r = MapReader.of(bytes, 'depersonalization')
  r.begin('depersonalization')
  const asked = {
    request: { serial: r.bytes('serial', 8), certificateDigest: r.bytes('certificate', 32) },
    point: r.bytes('point', 65),
  }
  r.end()
  return asked
}

function fileOf(serial: Uint8Array): string {
  return `depersonalizations/${encodeHex(serial).toLowerCase()}`
}

const format = 'sealwright depersonalization'
