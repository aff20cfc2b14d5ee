import { encodeHex } from '@sealwright/core/bytes'
import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import type { PartyPorts } from '../ports/index.ts'

/**
 * The unit's own record of one BEGIN: what it prescribed, what it signed, what came back. Written before each message that depends
 * on it, so that a broken-off personalization is taken up again and every certificate stands here before a module has it.
 */
export interface PersonalizationRecord {
  /** Serial number of the module, 8 bytes. */
  readonly serial: Uint8Array
  /** BEGIN's data. */
  readonly begin: Uint8Array
  /** BEGIN's answer and what was made from it. */
  readonly issued?: {
    readonly answer: Uint8Array
    /** Certificates in DER. */
    readonly operating: Uint8Array
    readonly central: Uint8Array
    readonly unit: Uint8Array
  }
  /** The module's receipt of COMPLETE. */
  readonly receipt?: Uint8Array
}

export async function writeRecord({ store }: PartyPorts, record: PersonalizationRecord): Promise<void> {
  const { serial, begin, issued, receipt } = record
  const bytes = encodeCanonical({ v: 1, format, serial, begin, issued, receipt })
  await store.write(nameOf(serial, begin), bytes)
}

/** All records of a module, in no order. */
export function readRecords(ports: PartyPorts, serial: Uint8Array): Promise<PersonalizationRecord[]> {
  return readBelow(ports, folderOf(serial))
}

/** The records of all modules. */
export function readAllRecords(ports: PartyPorts): Promise<PersonalizationRecord[]> {
  return readBelow(ports, folder)
}

async function readBelow({ store }: PartyPorts, prefix: string): Promise<PersonalizationRecord[]> {
  const records: PersonalizationRecord[] = []
  for (const name of await store.list(prefix)) {
    const bytes = await store.read(name)
    if (bytes !== undefined) records.push(parseRecord(bytes))
  }
  return records
}

export function parseRecord(bytes: Uint8Array): PersonalizationRecord {
  const r = MapReader.of(bytes, 'personalization record')
  r.begin('personalization')
  const issued = r.optional('issued', () => {
    const inner = r.map('issued')
    const value = {
      answer: inner.bytes('answer', 129),
      operating: inner.bytes('operating'),
      central: inner.bytes('central'),
      unit: inner.bytes('unit'),
    }
    inner.end()
    return value
  })
  const receipt = r.optional('receipt', () => r.bytes('receipt', 100))
  const record: PersonalizationRecord = {
    serial: r.bytes('serial', 8),
    begin: r.bytes('begin', 36),
    ...(issued === undefined ? {} : { issued }),
    ...(receipt === undefined ? {} : { receipt }),
  }
  r.end()
  return record
}

function folderOf(serial: Uint8Array): string {
  return `${folder}${encodeHex(serial).toLowerCase()}/`
}

// A record's name is BEGIN's nonce, its last 16 bytes.
function nameOf(serial: Uint8Array, begin: Uint8Array): string {
  return `${folderOf(serial)}${encodeHex(begin.subarray(20)).toLowerCase()}`
}

const folder = 'personalizations/'
const format = 'sealwright personalization'
