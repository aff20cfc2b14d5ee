import { equal } from '@sealwright/core/bytes'
import {
  type CommandRow,
  commandByEntry,
  commands,
  keyPlaces,
  productDataIds,
} from '@sealwright/core/catalog'
import { dataAreaOf, programNumbers, type WriteRecord } from '@sealwright/core/customization'
import { parseKeyPlace } from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { refuseReservedPlace } from '../key-download/index.ts'
import type { Parts } from '../parts.ts'
import { isReservedPlace } from '../programs/index.ts'

type Needs = Pick<Parts, 'keys' | 'objects'>

/**
 * Refuses a record that user mode does not take. Later customization changes what the client's software is and has; it changes nothing that
 * other parties rely on: no trust (public keys, operators, policy), no identity of the module, no key of a channel or of another party, and
 * no native command that is in use already.
 */
export function requirePermitted(parts: Needs, record: WriteRecord): void {
  if (record.kind === 'activate') requireUserCommand(record.entry)
  else if (record.kind !== 'vectors') requireObject(parts, record)
  // A native command answers to its own instruction, and to no other.
  else if (record.vectors.some(({ ins, program }) => isNative(ins) || program === programNumbers.native)) {
    throw new Refusal('security-not-satisfied')
  }
}

type ObjectRecord = Extract<WriteRecord, { kind: 'put' | 'append' | 'verify' }>

function requireObject(parts: Needs, record: ObjectRecord): void {
  const { kind, object, id } = record
  if (object === 'public-key' || object === 'operator') throw new Refusal('security-not-satisfied')
  if (object === 'software') {
    if (id < programNumbers.added || id > lastProgram) throw new Refusal('wrong-data')
  } else if (object === 'product-data') {
    if (!isProductData(id)) throw new Refusal('security-not-satisfied')
    // Places and keys are written whole, and not compared with anything.
  } else if (kind !== 'put') throw new Refusal('wrong-data')
  else if (object === 'key-place') requireNewPlace(parts, id, record.bytes)
  else requireKeyPlace(parts, id)
}

/** Name, suites, and the areas of programs: neither identification, customer, policy nor flags. */
function isProductData(id: number): boolean {
  if (id === productDataIds.name || id === productDataIds.suites) return true
  return id >= dataAreaOf(programNumbers.rom) && id <= dataAreaOf(lastProgram)
}

/** A place is laid once: what lies in it came for the use that it had then. The same again, after an answer that was lost, changes nothing. */
function requireNewPlace(parts: Needs, id: number, bytes: Uint8Array): void {
  const { kind } = parseKeyPlace(bytes)
  if (isReservedPlace(id) || isOwnPlace(id) || (kind !== 'application' && kind !== 'data')) {
    throw new Refusal('security-not-satisfied')
  }
  const laid = parts.objects.read('key-place', id)
  if (laid !== undefined && equal(laid, bytes)) return
  refuseReservedPlace(parts, id)
  if (parts.objects.has('loader-key', id)) throw new Refusal('already-there')
}

/** Keys of the client's own programs; a place that has taken a key by IMPORT KEY is its loader's. */
function requireKeyPlace({ objects }: Needs, id: number): void {
  if (isReservedPlace(id) || isOwnPlace(id)) throw new Refusal('security-not-satisfied')
  const laid = objects.read('key-place', id)
  if (laid === undefined) throw new Refusal('reference-not-found')
  if (parseKeyPlace(laid).kind !== 'application') throw new Refusal('security-not-satisfied')
  if (objects.has('receipt', id)) throw new Refusal('already-there')
}

function isOwnPlace(id: number): boolean {
  return (Object.values(keyPlaces) as number[]).includes(id)
}

function requireUserCommand(entry: number): void {
  const name = commandByEntry.get(entry)
  if (name === undefined) throw new Refusal('reference-not-found')
  const { modes }: CommandRow = commands[name]
  if (!modes.includes('user')) throw new Refusal('security-not-satisfied')
}

function isNative(ins: number): boolean {
  return Object.values(commands).some((row) => row.ins === ins)
}

const lastProgram = 0xff
