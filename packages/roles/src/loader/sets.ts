import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import { StateError } from '@sealwright/core/errors'
import { isSuite, type Profile, profiles, type Suite } from '@sealwright/core/key-download'
import type { PartyPorts } from '../ports/index.ts'

/** What the custodian knows of a set besides its keys. */
export interface KeptSet {
  readonly set: number
  /** 1 for the first keys of the set, one more with each replacement. */
  readonly generation: number
  readonly profile: Profile
  readonly suite: Suite
  /** The loader has these keys; false while a step is broken off. */
  readonly entered: boolean
}

/** The vault's names for T and KS. */
export function setKeyNames({ set, generation }: Pick<KeptSet, 'set' | 'generation'>): {
  transport: string
  signature: string
} {
  const prefix = `sets/${set}/${generation}`
  return { transport: `${prefix}/transport`, signature: `${prefix}/signature` }
}

export async function readSet({ store }: PartyPorts, set: number): Promise<KeptSet | undefined> {
  const bytes = await store.read(fileOf(set))
  if (bytes === undefined) return undefined
  const r = MapReader.of(bytes, 'set')
  r.begin('set')
  const profile = r.text('profile')
  const suite = r.uint('suite')
  if (!Object.hasOwn(profiles, profile) || !isSuite(suite)) throw r.fail('profile or suite is not known')
  const kept: KeptSet = {
    set: r.uint('set'),
    generation: r.uint('generation'),
    profile: profile as Profile,
    suite,
    entered: r.boolean('entered'),
  }
  r.end()
  return kept
}

/** The set, whose keys the loader has; a StateError when it was never made here. */
export async function requireSet(ports: PartyPorts, set: number): Promise<KeptSet> {
  const kept = await readSet(ports, set)
  if (kept?.entered === true) return kept
  throw new StateError(`there is no set ${set} here: its keys are made with \`loader set new\``, {
    code: 'key-missing',
  })
}

export async function writeSet({ store }: PartyPorts, kept: KeptSet): Promise<void> {
  await store.write(fileOf(kept.set), encodeCanonical({ v: 1, format, ...kept }))
}

function fileOf(set: number): string {
  return `sets/${set}`
}

const format = 'sealwright set'
