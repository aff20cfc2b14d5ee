import { equal } from '@sealwright/core/bytes'
import { type EventType, keyPlaces, type ResourceState, receiptIds } from '@sealwright/core/catalog'
import { documentKeyId, type SignedDocument, verifyDocument } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import { AuthError } from '@sealwright/core/errors'
import { parseKeyPlace } from '@sealwright/core/key-download'
import {
  type OperatorDocument,
  parseOperatorDocument,
  type Reservation,
  type ResourceOrder,
  resourceReceiptInput,
  rightsOf,
  serializeResourceReceipt,
} from '@sealwright/core/resources'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { mayFollow } from '../personalization/index.ts'
import { type Definition, overlaps } from '../resources/index.ts'

export type OperationParts = Pick<
  Parts,
  | 'crypto'
  | 'nvm'
  | 'objects'
  | 'keys'
  | 'events'
  | 'definitions'
  | 'channels'
  | 'programs'
  | 'serial'
  | 'registry'
>

/** What becomes of a resource, before it is written. */
interface Effect {
  readonly event: EventType
  readonly state: ResourceState
  readonly start: number
  readonly end: number
  apply(tx: Transaction): void
}

/**
 * Carries out one document of an operator (design, section 5, C): signed by a stored operator key, for this module, with a
 * number higher than this operator's last. The last one again gives the stored receipt. Effect, number, event and receipt are one
 * transaction; a refused document leaves everything as it was, its number included.
 */
export function carryOut(parts: OperationParts, data: Uint8Array): Uint8Array {
  const { crypto, nvm, keys, events, definitions, channels, programs } = parts
  const { document, signed } = parseOperatorDocument(data)
  const serial = parts.serial()
  if (serial === undefined || !equal(document.module, serial)) throw new Refusal('wrong-data')
  const keyId = signerOf(parts, signed)
  const digest = crypto.sha256(data)
  const last = definitions.operator(keyId)
  if (last?.number === document.number && equal(last.document, digest)) return last.receipt
  if (last !== undefined && document.number <= last.number) throw new Refusal('already-there')
  if (!mayFollow(last?.time, document.time)) throw new Refusal('wrong-data')

  const effect = effectOf(parts, document, keyId, digest)
  const { resource, number, time } = document
  const receipt = nvm.transaction((tx) => {
    effect.apply(tx)
    const event = events.record(tx, effect.event, serial, digest)
    const { state, start, end } = effect
    const outcome = { resource, state, start, end, number: event.number, chain: event.chain }
    const signature = keys.sign(keyPlaces.operating, ...resourceReceiptInput(serial, digest, outcome))
    const bytes = serializeResourceReceipt({ ...outcome, signature })
    definitions.putOperator(tx, { keyId, number, time, document: digest, receipt: bytes })
    return bytes
  })
  if (effect.state !== 'active') {
    if (channels.current?.resource === resource) channels.close()
    programs.leave()
  }
  return receipt
}

/** The key id of the stored operator whose key signed the document. */
function signerOf({ crypto, objects }: OperationParts, signed: SignedDocument): Uint8Array {
  for (const point of operatorPoints({ objects })) {
    if (!equal(documentKeyId(point, crypto), signed.keyId)) continue
    const holds = withHandle(crypto.ecPublicKey(point), (key) =>
      verifyDocument(signed, signed.type, key, crypto),
    )
    if (holds) return signed.keyId
  }
  throw new Refusal('security-not-satisfied')
}

function operatorPoints({ objects }: Pick<OperationParts, 'objects'>): Uint8Array[] {
  return objects.list('operator').map(({ id }) => objects.read('operator', id)!)
}

function effectOf(
  parts: OperationParts,
  document: OperatorDocument,
  keyId: Uint8Array,
  digest: Uint8Array,
): Effect {
  return document.type === 'reservation'
    ? reserve(parts, document, keyId, digest)
    : order(parts, document, keyId)
}

function reserve(
  parts: OperationParts,
  document: Reservation,
  operator: Uint8Array,
  digest: Uint8Array,
): Effect {
  const { definitions } = parts
  const { resource: id, aid, supplier, size, budget, agreement, places } = document
  if (definitions.list().some((one) => one.id === id || equal(one.aid, aid)))
    throw new Refusal('already-there')
  if (parts.registry.names(aid)) throw new Refusal('already-there')
  refuseBadKey(parts, supplier)
  for (const place of places) refuseBadPlace(parts, place)
  const start = areaStart(parts, document)
  const operators = operatorPoints(parts).map((point) => documentKeyId(point, parts.crypto))
  if (!definitions.hasRoom(operators)) throw new Refusal('no-space')
  const end = start + size
  const definition: Definition = {
    ...{ id, aid, supplier, operator, start, end, budget, agreement, places, reservation: digest },
    state: 'reserved',
    rights: rightsOf(document.interfaces),
  }
  return {
    event: 'resource-reserved',
    state: 'reserved',
    start,
    end,
    apply(tx) {
      // Whatever lay there, the area begins with zeros.
      tx.erase(start, size)
      definitions.put(tx, definition)
    },
  }
}

function order(
  { definitions, objects }: OperationParts,
  document: ResourceOrder,
  operator: Uint8Array,
): Effect {
  const { type, resource } = document
  const definition = definitions.find(resource)
  if (definition === undefined) throw new Refusal('reference-not-found')
  if (!equal(definition.operator, operator)) throw new Refusal('security-not-satisfied')
  const { start, end } = definition
  if (type === 'deletion') {
    return {
      event: 'resource-deleted',
      state: 'deleted',
      start,
      end,
      apply(tx) {
        tx.erase(start, end - start)
        definitions.remove(tx, resource)
        objects.remove(tx, 'receipt', receiptIds.load + resource)
      },
    }
  }
  const state = type === 'block' ? 'blocked' : 'active'
  if (definition.state === state) throw new Refusal('conditions-not-satisfied')
  return {
    event: type === 'block' ? 'resource-blocked' : 'resource-released',
    state,
    start,
    end,
    apply: (tx) => definitions.put(tx, { ...definition, state }),
  }
}

/** The place that the operator chose, or the first that fits. */
function areaStart({ nvm, definitions }: OperationParts, { start, size }: Reservation): number {
  const zone = nvm.zones.resources
  if (start === undefined) {
    const found = definitions.place(size)
    if (found === undefined) throw new Refusal('no-space')
    return found
  }
  if (start < zone.start || start + size > zone.end) throw new Refusal('no-space')
  if (definitions.areas().some((area) => overlaps(area, { start, length: size }))) {
    throw new Refusal('already-there')
  }
  return start
}

/** A supplier's key is a point of the curve, no known test key, and neither the module's own nor an operator's. */
function refuseBadKey({ crypto, keys, objects }: OperationParts, point: Uint8Array): void {
  try {
    crypto.ecPublicKey(point)[Symbol.dispose]()
  } catch (error) {
    if (error instanceof AuthError) throw new Refusal('wrong-data')
    throw error
  }
  keys.refuseTestKey(point)
  const own = [keyPlaces.identity, keyPlaces.operating].filter((place) => keys.has(place))
  const others = operatorPoints({ objects })
  if ([...own.map((place) => keys.point(place)), ...others].some((other) => equal(other, point))) {
    throw new Refusal('wrong-data')
  }
}

function refuseBadPlace({ objects }: OperationParts, place: number): void {
  const bytes = objects.read('key-place', place)
  if (bytes === undefined || parseKeyPlace(bytes).kind !== 'application') {
    throw new Refusal('reference-not-found')
  }
}
