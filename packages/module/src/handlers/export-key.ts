import { equal } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import {
  cmacSignature,
  headerLength,
  type KeyRequest,
  type LoaderKeyEntry,
  parseKeyRequest,
  parseLoaderKeyEntry,
  sealKey,
  serializeLoaderKeyEntry,
} from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { exportCounter, loaderSet, storeExportCounter, withUnitKeys } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>

/**
 * EXPORT KEY: encrypts the application key that REF1 names for the module that SN names (A2 to A5). The loader knows no module: SN, R
 * and both references come in the request. XCTR and what is left of the exports are committed before the answer leaves.
 */
export function exportKey(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  const { crypto, nvm, objects, events } = parts
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const request = parseKeyRequest(data)
  const own = parts.serial()
  const bytes = objects.read('loader-key', request.source)
  if (own === undefined || bytes === undefined) throw new Refusal('reference-not-found')
  const entry = parseLoaderKeyEntry(bytes)
  if (entry.exportsLeft === 0 || entry.blocked.some((serial) => equal(serial, request.serial))) {
    throw new Refusal('conditions-not-satisfied')
  }
  const counter = exportCounter(objects) + 1
  const message = seal(parts, entry, request, counter)
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

function seal(parts: Needs, entry: LoaderKeyEntry, request: KeyRequest, counter: number): Uint8Array {
  const { crypto } = parts
  const set = loaderSet(parts, entry.set)
  return withUnitKeys(parts, set, entry, request.serial, (unit) =>
    withHandle(crypto.aes(unit.signature), (signature) =>
      sealKey({
        crypto,
        suite: set.suite,
        storedKey: unit.transport,
        context: { ...request, counter },
        attributes: entry.attributes,
        key: unit.application,
        signer: cmacSignature(signature),
      }),
    ),
  )
}
