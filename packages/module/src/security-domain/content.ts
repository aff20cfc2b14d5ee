import { equal } from '@sealwright/core/bytes'
import { hasPrivilege, parsePrivileges } from '@sealwright/core/globalplatform'
import { type OperatorDocument, parseOperatorDocument } from '@sealwright/core/resources'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import { carryOut, type OperationParts } from '../operation/index.ts'
import type { Parts } from '../parts.ts'
import { type RegistryEntry, securityDomainLoadFile } from '../registry/index.ts'
import { recordContent } from './record.ts'

/** Bytes of a load file that are taken in. */
export const longestLoadFile = 0x1_0000

/** AID of the module that a load file carries: the file's with one byte behind. */
export function moduleOf(loadFile: Uint8Array): Uint8Array {
  return Uint8Array.of(...loadFile, 0x41)
}

export type ContentParts = OperationParts & Pick<Parts, 'domainData' | 'domainKeys' | 'objects' | 'registry'>

/** A resource's application is its operator's: whoever holds keys of the card does nothing to it without a document of the operator. */
export function requireOwnContent({ definitions }: Pick<Parts, 'definitions'>, aid: Uint8Array): void {
  if (definitions.named(aid) !== undefined) throw new Refusal('security-not-satisfied')
}

/** No AID stands for two things, whatever they are. */
export function requireFreeAid(
  { registry, definitions }: Pick<Parts, 'registry' | 'definitions'>,
  aid: Uint8Array,
): void {
  if (registry.names(aid) || definitions.named(aid) !== undefined) throw new Refusal('already-there')
}

/** Carries out an operator's document that came as a token; it must be about the content that the command names. Answers its receipt. */
export function carryOutToken(
  parts: OperationParts,
  token: Uint8Array,
  isMeant: (document: OperatorDocument) => boolean,
): Uint8Array {
  if (!isMeant(parseOperatorDocument(token).document)) throw new Refusal('security-not-satisfied')
  return carryOut(parts, token)
}

/** Only the issuer security domain, and one with the privilege of authorized management, manage content; a token of the issuer is not built. */
export function requireManager({ registry }: Pick<Parts, 'registry'>): void {
  const selected = registry.find(registry.selected)
  if (
    selected === undefined ||
    !hasPrivilege(parsePrivileges(selected.privileges), 'authorized-management')
  ) {
    throw new Refusal('conditions-not-satisfied')
  }
}

/**
 * Deletes an application, a security domain or a load file that belongs to the selected domain.
 * @param related what came from a load file, or belongs to a domain, goes too if it is the selected domain's as well; else it is a hindrance
 */
export function deleteContent(parts: ContentParts, aid: Uint8Array, related: boolean): void {
  const { registry, nvm, programs } = parts
  requireManager(parts)
  const entry = registry.byAid(aid)
  if (equal(aid, securityDomainLoadFile)) throw new Refusal('conditions-not-satisfied')
  if (entry === undefined) throw new Refusal('reference-not-found')
  if (entry.number === registry.selected || !registry.isBelow(entry, registry.selected)) {
    throw new Refusal('conditions-not-satisfied')
  }
  const others = dependent(parts, entry)
  const mayGo = others.every(
    (one) => one.number !== registry.selected && registry.isBelow(one, registry.selected),
  )
  if (others.length > 0 && (!related || !mayGo)) throw new Refusal('conditions-not-satisfied')
  nvm.transaction((tx) => {
    for (const one of [...others, entry]) {
      forget(parts, tx, one)
      recordContent(parts, tx, one.aid, 0)
    }
  })
  programs.leave()
}

/** What could not be without this entry, wherever it is: instances of a load file, content of a domain, and what could not be without those. */
function dependent({ registry }: ContentParts, entry: RegistryEntry): RegistryEntry[] {
  const all = [
    ...registry.list('application'),
    ...registry.list('domain').slice(1),
    ...registry.list('load-file'),
  ]
  const gone = [entry]
  for (const one of gone) {
    const needs = all.filter(({ domain, loadFile }) =>
      one.form === 'load-file' ? equal(loadFile, one.aid) : one.form === 'domain' && domain === one.number,
    )
    gone.push(...needs.filter(({ number }) => !gone.some((other) => other.number === number)))
  }
  return gone.slice(1)
}

function forget(
  { registry, objects, keys, domainKeys, domainData }: ContentParts,
  tx: Transaction,
  { number, form }: RegistryEntry,
): void {
  registry.remove(tx, number)
  if (form === 'load-file') objects.remove(tx, 'load-file', number)
  if (form === 'application') objects.remove(tx, 'application-data', number)
  if (form !== 'domain') return
  for (const { place } of domainKeys.list(number)) {
    keys.remove(tx, place)
    domainKeys.remove(tx, place)
  }
  domainData.removeAll(tx, number)
}
