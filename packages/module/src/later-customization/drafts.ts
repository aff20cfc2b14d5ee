import { concat, equal, wipe } from '@sealwright/core/bytes'
import { customizationObjects } from '@sealwright/core/customization'
import { InternalError } from '@sealwright/core/errors'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

type Needs = Pick<Parts, 'crypto' | 'objects'>

/** Objects that are written beside what is in force, and take its place with their digest. */
export type DraftKind = 'software' | 'product-data'

export function isDraftKind(kind: string): kind is DraftKind {
  return kind === 'software' || kind === 'product-data'
}

/** Begins a draft, in the place of one of the same object. */
export function putDraft(
  { objects }: Needs,
  tx: Transaction,
  kind: DraftKind,
  id: number,
  bytes: Uint8Array,
): void {
  if (bytes.length > longestDraft) throw new Refusal('no-space')
  objects.put(tx, 'draft', draftId(kind, id), bytes)
}

export function appendDraft(
  parts: Needs,
  tx: Transaction,
  kind: DraftKind,
  id: number,
  bytes: Uint8Array,
): void {
  const begun = parts.objects.read('draft', draftId(kind, id))
  if (begun === undefined) throw new Refusal('reference-not-found')
  putDraft(parts, tx, kind, id, concat(begun, bytes))
  wipe(begun)
}

/** Puts a draft in the place of the object, if it has this digest. */
export function enforceDraft(
  { crypto, objects }: Needs,
  tx: Transaction,
  kind: DraftKind,
  id: number,
  digest: Uint8Array,
): void {
  const from = { kind: 'draft', id: draftId(kind, id) } as const
  const bytes = objects.read(from.kind, from.id)
  if (bytes === undefined) throw new Refusal('reference-not-found')
  if (!equal(crypto.sha256(bytes), digest)) throw new Refusal('wrong-data')
  objects.rename(tx, from, { kind, id })
}

/** What was begun and is not wanted any more. */
export function dropDrafts({ objects }: Pick<Parts, 'objects'>, tx: Transaction): void {
  for (const { id } of objects.list('draft')) objects.remove(tx, 'draft', id)
}

function draftId(kind: DraftKind, id: number): number {
  if (id > 0xff_ffff) throw new InternalError(`no draft has the id ${id}`)
  return customizationObjects[kind] * 0x100_0000 + id
}

/** As in customization. */
const longestDraft = 0x2_0000
