import { wipe } from '@sealwright/core/bytes'
import {
  isSuite,
  parseSetData,
  type SetEntry,
  serializeSetEntry,
  suiteRow,
} from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import { holdsSet, putSet, unwrapKey } from '../key-download/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'nvm' | 'objects' | 'keys' | 'events' | 'serial'>

/**
 * MAKE SET: enters a set of modules with its transport key T and what makes SAS. For a set that is there, both are replaced; the old
 * ones stay for modules that still hold them. The same keys again change nothing. The keys come under the channel's DEK.
 */
export function makeSet(parts: Needs, { p1, p2, data, channel }: Omit<Call, 'name'>): Uint8Array {
  const { crypto, nvm, events } = parts
  if (p1 !== 0 || p2 !== 0) throw new Refusal('wrong-parameters')
  const request = parseSetData(data)
  const serial = parts.serial()
  if (serial === undefined) throw new Refusal('conditions-not-satisfied')
  const { set, profile, suite } = request
  // The loader's own signing pair is not built: only SAS by CMAC is made here.
  if (!isSuite(suite) || suiteRow(suite).signature !== 'cmac') throw new Refusal('function-not-supported')
  const { keyLength } = suiteRow(suite)
  const transport = unwrapKey(crypto, channel, request.transport)
  const signature = unwrapKey(crypto, channel, request.signature)
  try {
    if (transport.length !== keyLength || signature.length !== keyLength) throw new Refusal('wrong-data')
    const entry: SetEntry = {
      ...{ set, profile, suite, generation: 'present' },
      transportCheck: request.transport.checkValue,
      signatureCheck: request.signature.checkValue,
    }
    if (!holdsSet(parts, entry, { transport, signature })) {
      nvm.transaction((tx) => {
        putSet(parts, tx, entry, { transport, signature })
        events.record(tx, 'set-made', serial, crypto.sha256(Uint8Array.of(set), entry.transportCheck))
      })
    }
    return serializeSetEntry(entry)
  } finally {
    wipe(transport, signature)
  }
}
