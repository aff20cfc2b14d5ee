import { withHandle } from '@sealwright/core/crypto'
import {
  cmacSignature,
  generations,
  headerLength,
  type KeyRequest,
  type LoaderKeyEntry,
  parseKeyRequest,
  parseShortKeyRequest,
  requestForms,
  sealKey,
  serializeLoaderKeyEntry,
} from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import {
  type LoaderSet,
  loaderKey,
  loaderSet,
  nextExportCounter,
  serves,
  storeExportCounter,
  withUnitKeys,
} from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>

/**
 * EXPORT KEY: encrypts the application key that REF1 names for the module that SN names (A2 to A5). The loader knows no module: SN, R
 * and both references come in the request. XCTR and what is left of the exports are committed before the answer leaves.
 */
export function exportKey(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  const { crypto, nvm, objects, events } = parts
  const generation =
    p1 === generations.present ? 'present' : p1 === generations.previous ? 'previous' : undefined
  if (generation === undefined) throw new Refusal('wrong-parameters')
  const request = requestOf(p2, data)
  const own = parts.serial()
  const entry = loaderKey(objects, request.source)
  if (own === undefined || entry === undefined) throw new Refusal('reference-not-found')
  if (entry.exportsLeft === 0 || !serves(entry, request.serial)) throw new Refusal('conditions-not-satisfied')
  const set = loaderSet(objects, entry.set, generation)
  if (set === undefined) throw new Refusal('reference-not-found')
  const counter = nextExportCounter(objects)
  const message = seal(parts, set, entry, request, counter)
  nvm.transaction((tx) => {
    storeExportCounter(tx, objects, counter)
    if (entry.exportsLeft !== undefined) {
      const left = { ...entry, exportsLeft: entry.exportsLeft - 1 }
      objects.put(tx, 'loader-key', request.source, serializeLoaderKeyEntry(left))
    }
    events.record(tx, 'key-exported', own, crypto.sha256(message.subarray(0, headerLength)))
  })
  return message
}

function requestOf(form: number, data: Uint8Array): KeyRequest {
  if (form === requestForms.full) return parseKeyRequest(data)
  if (form === requestForms.withoutDestination) return parseShortKeyRequest(data)
  throw new Refusal('wrong-parameters')
}

function seal(
  parts: Needs,
  set: LoaderSet,
  entry: LoaderKeyEntry,
  request: KeyRequest,
  counter: number,
): Uint8Array {
  const { crypto } = parts
  return withUnitKeys(parts, set, entry, request.serial, (unit) => {
    // After a change of suite the previous T may be shorter than the key.
    if (unit.application.length > unit.transport.length) throw new Refusal('conditions-not-satisfied')
    return withHandle(crypto.aes(unit.signature), (signature) =>
      sealKey({
        crypto,
        suite: set.suite,
        storedKey: unit.transport,
        context: { ...request, counter },
        attributes: entry.attributes,
        key: unit.application,
        signer: cmacSignature(signature),
      }),
    )
  })
}
