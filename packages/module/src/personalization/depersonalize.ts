import {
  certificateIds,
  keyPlaces,
  publicKeyIds,
  type ResourceState,
  receiptIds,
} from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import { parseKeyPlace } from '@sealwright/core/key-download'
import {
  type DepersonalizeReceipt,
  depersonalizeInput,
  serializeCompleteReceipt,
} from '@sealwright/core/personalization'
import type { Objects } from '../eeprom/index.ts'
import { useUp } from '../key-download/index.ts'
import type { Parts } from '../parts.ts'
import { forgetPayment } from '../payment/index.ts'
import { checkedDigest, removeChecked } from './checked-object.ts'
import { writeCertification } from './policy.ts'

type Needs = Pick<
  Parts,
  | 'crypto'
  | 'nvm'
  | 'objects'
  | 'ram'
  | 'otp'
  | 'keys'
  | 'life'
  | 'events'
  | 'definitions'
  | 'programs'
  | 'serial'
>

/**
 * Erases what personalization gave, in one transaction: operating pair, certificates, central system's key, the keys that were loaded under
 * them, R; every resource is blocked. Identity, transport keys, operators' keys, times and counters stay (design, section 4, Life). By
 * command, or by hand: called by the process that owns the module's memory. InternalError unless the module operates.
 */
export function depersonalize(parts: Needs): DepersonalizeReceipt {
  const { nvm, objects, keys, life, events, definitions, programs } = parts
  const serial = parts.serial()
  const certificateDigest = checkedDigest(parts, 'certificate', certificateIds.operating.id)
  if (serial === undefined || certificateDigest === undefined || life.state() !== 'operating') {
    throw new InternalError('depersonalize: the module does not operate')
  }
  // What programs keep in their memories was worked out with keys that go.
  programs.reset()
  const receipt = nvm.transaction((tx) => {
    const event = events.record(tx, 'depersonalized', serial, certificateDigest)
    // The last thing that this key signs.
    const signature = keys.sign(
      keyPlaces.operating,
      ...depersonalizeInput({ serial, certificateDigest }, event),
    )
    keys.remove(tx, keyPlaces.operating)
    for (const { id } of [certificateIds.operating, certificateIds.unit, certificateIds.central]) {
      removeChecked(tx, parts, 'certificate', id)
    }
    removeChecked(tx, parts, 'public-key', publicKeyIds.central)
    for (const place of loadedKeys(parts)) {
      keys.remove(tx, place)
      objects.remove(tx, 'key-limit', place)
    }
    useUp(parts, tx)
    forgetPayment(parts, tx)
    for (const one of definitions.list()) {
      if (one.state !== blocked) definitions.put(tx, { ...one, state: blocked })
    }
    objects.remove(tx, 'receipt', receiptIds.personalization)
    writeCertification(tx, objects, 'none')
    life.setState(tx, 'awaiting-personalization')
    const made = { number: event.number, chain: event.chain, signature }
    objects.put(tx, 'receipt', receiptIds.depersonalization, serializeCompleteReceipt(made))
    return made
  })
  return receipt
}

const blocked = 'blocked' satisfies ResourceState

/**
 * Places whose key came by IMPORT KEY or from the central system; what customization laid there stays. Records of downloads stay too: they hold the version below which no
 * key is taken, and nothing secret.
 */
function loadedKeys({ objects, keys }: { objects: Objects; keys: Needs['keys'] }): number[] {
  return objects
    .list('key-place')
    .map(({ id }) => id)
    .filter((id) => parseKeyPlace(objects.read('key-place', id)!).kind === 'application')
    .filter((id) => keys.has(id) && (objects.has('receipt', id) || objects.has('key-limit', id)))
}
