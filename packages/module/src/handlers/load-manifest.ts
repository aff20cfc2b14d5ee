import { equal, wipe } from '@sealwright/core/bytes'
import { keyPlaces } from '@sealwright/core/catalog'
import { verifyDocument } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import {
  blockCount,
  type Manifest,
  openPackageKey,
  parseLoadManifest,
  parseManifest,
  serializeLoadProgress,
} from '@sealwright/core/resources'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { defaultLimits } from '../program/index.ts'
import {
  blocksOf,
  type Definition,
  holdPackageKey,
  layOutLoad,
  type PendingLoad,
  stagedSpans,
} from '../resources/index.ts'

type Needs = Pick<Parts, 'crypto' | 'nvm' | 'keys' | 'ram' | 'definitions' | 'serial'>

/**
 * LOAD MANIFEST: checks the manifest against the supplier's key in DEF, this module and this resource, and lays the package out beside
 * the program that runs. The same manifest again goes on where the load stopped; another one gives up what was loaded before.
 * Answers which blocks are there.
 */
export function loadManifest(parts: Needs, { data, channel }: Pick<Call, 'data' | 'channel'>): Uint8Array {
  const { crypto, nvm, keys, ram, definitions } = parts
  const definition = definitions.find(channel?.resource ?? 0)
  if (definition?.state !== 'active') throw new Refusal('conditions-not-satisfied')
  const { manifest: bytes, sealedKey } = parseLoadManifest(data)
  const { manifest, signed } = parseManifest(bytes)
  const signedBySupplier = withHandle(crypto.ecPublicKey(definition.supplier), (key) =>
    verifyDocument(signed, 'manifest', key, crypto),
  )
  if (!signedBySupplier) throw new Refusal('security-not-satisfied')
  const serial = parts.serial()
  if (serial === undefined || !equal(manifest.module, serial) || manifest.resource !== definition.id) {
    throw new Refusal('wrong-data')
  }
  const digest = crypto.sha256(bytes)
  const blocks = blockCount(manifest)
  const { loaded } = definition
  if (loaded !== undefined && equal(loaded.manifest, digest)) {
    return serializeLoadProgress({ blocks, have: Array.from({ length: blocks }, () => true) })
  }
  const pending = pendingLoad(definition, manifest, digest)
  const key = openPackageKey(crypto, {
    sealed: sealedKey,
    modulePoint: keys.point(keyPlaces.operating),
    manifestDigest: digest,
    agree: (peer) => keys.agree(keyPlaces.operating, peer),
  })
  try {
    keys.refuseTestKey(key)
    if (pending !== definition.pending) {
      nvm.transaction((tx) => {
        for (const { start, length } of stagedSpans(definition)) tx.erase(start, length)
        definitions.put(tx, { ...definition, pending })
      })
    }
    holdPackageKey(ram, digest, key)
  } finally {
    wipe(key)
  }
  return serializeLoadProgress({ blocks, have: blocksOf(pending) })
}

/** The load that was broken off, when it is of this manifest; otherwise a new one. */
function pendingLoad(definition: Definition, manifest: Manifest, digest: Uint8Array): PendingLoad {
  const { loaded, pending } = definition
  if (pending !== undefined && equal(pending.manifest, digest)) return pending
  if (loaded !== undefined && manifest.version <= loaded.version) throw new Refusal('already-there')
  if (loaded !== undefined && !manifest.data.load && manifest.data.size !== loaded.data.length) {
    throw new Refusal('wrong-data')
  }
  const fresh = manifest.program > defaultLimits.size ? undefined : layOutLoad(definition, manifest, digest)
  if (fresh === undefined) throw new Refusal('no-space')
  return fresh
}
