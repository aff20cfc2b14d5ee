import { equal, Reader, u16, u32, wipe } from '@sealwright/core/bytes'
import { keyPlaces, productDataIds } from '@sealwright/core/catalog'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import {
  type Attributes,
  acknowledge,
  type CheckedMessage,
  checkMessage,
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
  countFailure,
  readRandom,
  signatureCheck,
  storedTransportKeys,
  useUp,
} from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'ram' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>

/**
 * IMPORT KEY, in the fixed order of key-download.md 8.8: length and suite, header against the module's own values, R outstanding, CAS;
 * only then is anything decrypted. A failed CAS is 6988 and leaves R; whatever comes after CAS uses R up and, where it fails, is 6A80.
 */
export function importKey(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  const { crypto, objects } = parts
  const message = parseKeyMessage(data)
  const { header } = message
  if (p2 !== 0 || p1 !== (header.suite & 0xff)) throw new Refusal('wrong-parameters')
  if (!accepts(parts, header.suite)) throw new Refusal('function-not-supported')
  const serial = parts.serial()
  if (serial === undefined || !equal(serial, header.serial)) throw new Refusal('wrong-data')
  refuseBadPlace(parts, header.destination)
  const outstanding = readRandom(parts)
  if (outstanding === undefined) throw new Refusal('conditions-not-satisfied')
  if (header.source !== outstanding.source || header.destination !== outstanding.destination) {
    throw new Refusal('reference-not-found')
  }
  if (outstanding.replaceOnly && !parts.keys.has(header.destination)) throw new Refusal('reference-not-found')
  const context = {
    serial,
    random: outstanding.random,
    source: outstanding.source,
    destination: outstanding.destination,
    counter: header.counter,
  }
  for (const { place, key } of storedTransportKeys(parts)) {
    const checked = checkMessage(crypto, key, message, context)
    if (checked === undefined) continue
    try {
      return store(parts, checked, place)
    } catch (error) {
      if (error instanceof Refusal) useUp({ ...parts, objects })
      throw error
    } finally {
      checked[Symbol.dispose]()
    }
  }
  countFailure(parts, outstanding)
  throw new Refusal('check-failed')
}

function store(parts: Needs, checked: CheckedMessage, transportPlace: number): Uint8Array {
  const { crypto, nvm, objects, keys, events } = parts
  const { context, message, keys: downloadKeys } = checked
  const signature = signatureCheck(parts, message.header.suite)
  const opened = signature && openMessage(checked, signature)
  if (opened === undefined) throw new Refusal('wrong-data')
  try {
    const checkValue = withHandle(crypto.aes(opened.key), kcvCmac)
    if (!fits(parts, context.destination, opened, checkValue)) throw new Refusal('wrong-data')
    const acknowledgement = acknowledge(downloadKeys.acknowledgement, context, checkValue)
    const record = { attributes: opened.attributes, counter: context.counter, checkValue, acknowledgement }
    nvm.transaction((tx) => {
      keys.putAes(tx, context.destination, opened.key)
      objects.put(tx, 'receipt', context.destination, serializeKeyRecord(record))
      useUp(parts, tx)
      if (transportPlace === keyPlaces.transportNext)
        keys.move(tx, keyPlaces.transportNext, keyPlaces.transport)
      const digest = crypto.sha256(
        u32(context.destination),
        u32(context.counter),
        checkValue,
        acknowledgement,
      )
      events.record(tx, 'key-imported', context.serial, digest)
    })
    return serializeKeyReceipt(record)
  } finally {
    wipe(opened.key)
  }
}

/** Slot policy and version: lower is refused, equal only with the check value of the key that is there. */
function fits(
  { objects }: Needs,
  destination: number,
  { attributes }: OpenedKey,
  checkValue: Uint8Array,
): boolean {
  const place = parseKeyPlace(objects.read('key-place', destination)!)
  if (place.usage !== '**' && place.usage !== attributes.usage) return false
  if (attributes.algorithm !== 'A') return false
  const stored = objects.read('receipt', destination)
  return stored === undefined || follows(parseKeyRecord(stored), attributes, checkValue)
}

function follows(
  stored: { readonly attributes: Attributes; readonly checkValue: Uint8Array },
  { version }: Attributes,
  checkValue: Uint8Array,
): boolean {
  if (version !== stored.attributes.version) return version > stored.attributes.version
  return equal(checkValue, stored.checkValue)
}

function refuseBadPlace({ objects }: Needs, destination: number): void {
  const bytes = objects.read('key-place', destination)
  if (bytes === undefined || parseKeyPlace(bytes).kind !== 'application')
    throw new Refusal('reference-not-found')
}

function accepts({ objects }: Needs, suite: Suite): boolean {
  const r = new Reader(
    objects.read('product-data', productDataIds.suites) ?? new Uint8Array(0),
    'accepted suites',
  )
  const wanted = u16(suite)
  while (r.remaining > 0) if (equal(r.take(2, 'suite'), wanted)) return true
  return false
}
