import { equal, Reader, u32, wipe } from '@sealwright/core/bytes'
import { productDataIds } from '@sealwright/core/catalog'
import {
  acknowledge,
  type CheckedMessage,
  checkMessage,
  type DownloadContext,
  type Header,
  type OpenedKey,
  openMessage,
  parseKeyMessage,
  parseKeyPlace,
  parseKeyRecord,
  type Suite,
  serializeKeyReceipt,
  serializeKeyRecord,
} from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import {
  countTry,
  type OutstandingRandom,
  readRandom,
  type StoredTransportKey,
  storedTransportKeys,
  useUp,
} from '../key-download/index.ts'
import { PowerLoss } from '../medium/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'ram' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>

/**
 * IMPORT KEY, in the fixed order of key-download.md 8.8: length and suite, header against the module's own values, R outstanding, CAS;
 * only then is anything decrypted. A failed CAS is 6988 and leaves R; whatever comes after CAS uses R up and, where it fails, is 6A80.
 */
export function importKey(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  const message = parseKeyMessage(data)
  const { header } = message
  if (p2 !== 0 || p1 !== (header.suite & 0xff)) throw new Refusal('wrong-parameters')
  if (!accepts(parts, header.suite)) throw new Refusal('function-not-supported')
  const { outstanding, context } = addressed(parts, header)
  countTry(parts, outstanding)
  for (const transport of storedTransportKeys(parts)) {
    const checked = checkMessage(parts.crypto, transport.key, message, context)
    if (checked === undefined) continue
    try {
      return store(parts, checked, transport)
    } catch (error) {
      if (!(error instanceof PowerLoss)) useUp(parts)
      throw error
    } finally {
      checked[Symbol.dispose]()
    }
  }
  throw new Refusal('check-failed')
}

/** The header against the module's own values. */
function addressed(
  parts: Needs,
  header: Header,
): { readonly outstanding: OutstandingRandom; readonly context: DownloadContext } {
  const serial = parts.serial()
  if (serial === undefined || !equal(serial, header.serial)) throw new Refusal('wrong-data')
  const bytes = parts.objects.read('key-place', header.destination)
  if (bytes === undefined || parseKeyPlace(bytes).kind !== 'application')
    throw new Refusal('reference-not-found')
  const outstanding = readRandom(parts)
  if (outstanding === undefined) throw new Refusal('conditions-not-satisfied')
  const { random, source, destination, replaceOnly } = outstanding
  if (header.source !== source || header.destination !== destination) throw new Refusal('reference-not-found')
  if (replaceOnly && !parts.keys.has(destination)) throw new Refusal('reference-not-found')
  return { outstanding, context: { serial, random, source, destination, counter: header.counter } }
}

function store(parts: Needs, checked: CheckedMessage, transport: StoredTransportKey): Uint8Array {
  const { crypto, nvm, objects, keys, events } = parts
  const { context, message, keys: downloadKeys } = checked
  const { destination, counter, serial } = context
  const signature = transport.signatureCheck(message.header.suite)
  const opened = signature && openMessage(crypto, checked, signature, (key) => fits(parts, destination, key))
  if (opened === undefined) throw new Refusal('wrong-data')
  const { attributes, key, checkValue } = opened
  try {
    const acknowledgement = acknowledge(downloadKeys.acknowledgement, context, checkValue)
    const record = { attributes, counter, checkValue, acknowledgement }
    nvm.transaction((tx) => {
      keys.putAes(tx, destination, key)
      objects.remove(tx, 'key-limit', destination)
      objects.put(tx, 'receipt', destination, serializeKeyRecord(record))
      useUp(parts, tx)
      transport.confirm(tx)
      const digest = crypto.sha256(u32(destination), u32(counter), checkValue, acknowledgement)
      events.record(tx, 'key-imported', serial, digest)
    })
    return serializeKeyReceipt(record)
  } finally {
    wipe(key)
  }
}

/** Policy of the place and version: lower is refused, equal only with the check value of the key that is there. */
function fits(
  { objects }: Needs,
  destination: number,
  { attributes, checkValue }: Pick<OpenedKey, 'attributes' | 'checkValue'>,
): boolean {
  const place = parseKeyPlace(objects.read('key-place', destination)!)
  const bytes = objects.read('receipt', destination)
  const suits = attributes.algorithm === 'A' && (place.usage === '**' || place.usage === attributes.usage)
  if (bytes === undefined) return suits
  const stored = parseKeyRecord(bytes)
  const same = equal(checkValue, stored.checkValue)
  const newer = attributes.version > stored.attributes.version
  return suits && (newer || (attributes.version === stored.attributes.version && same))
}

/** The module's own list decides; the suite byte of a message selects from it and never enables. */
function accepts({ objects }: Needs, suite: Suite): boolean {
  const r = new Reader(
    objects.read('product-data', productDataIds.suites) ?? new Uint8Array(0),
    'accepted suites',
  )
  while (r.remaining > 0) if (r.u16('suite') === suite) return true
  return false
}
