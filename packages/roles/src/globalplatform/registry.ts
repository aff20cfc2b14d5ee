import { PeerError } from '@sealwright/core/errors'
import {
  hasPrivilege,
  type OldRegistryEntry,
  parseOldRegistryEntries,
  parseRegistryEntries,
  type RegistryEntry,
  type StatusScope,
  serializeStatusForm,
  serializeStatusRequest,
  statusScopes,
} from '@sealwright/core/globalplatform'
import { isProcessed } from './card.ts'
import type { DomainSession } from './session.ts'
import { refusedByCard, refusedInSession } from './status-words.ts'

/** What is on a card. */
export interface Registry {
  /** The issuer security domain; undefined where the session's domain does not see it. */
  readonly issuerDomain: RegistryEntry | undefined
  readonly domains: readonly RegistryEntry[]
  readonly applications: readonly RegistryEntry[]
  readonly loadFiles: readonly RegistryEntry[]
}

/** Reads all that the session's domain may see. A card that knows none of the lists has no registry: RefusedError. */
export async function readRegistry(session: DomainSession): Promise<Registry> {
  const issuer = await readStatus(session, 'issuer-domain')
  const others = await readStatus(session, 'applications')
  const files =
    (await readStatus(session, 'load-files-and-modules')) ?? (await readStatus(session, 'load-files'))
  if (!issuer && !others && !files)
    throw refusedByCard('GET STATUS', 0x6d00, 'it does not list what is on it')
  const [issuerDomain] = issuer ?? []
  const [applications, loadFiles] = [others ?? [], files ?? []]
  const isDomain = ({ privileges }: RegistryEntry) =>
    privileges !== undefined && hasPrivilege(privileges, 'security-domain')
  return {
    issuerDomain,
    domains: applications.filter(isDomain),
    applications: applications.filter((entry) => !isDomain(entry)),
    loadFiles,
  }
}

/**
 * One list of GET STATUS, with all that follows a 6310. Cards that do not know the TLV form are asked for the old one. Undefined: the card
 * does not know this list.
 */
export async function readStatus(
  session: DomainSession,
  scope: StatusScope,
): Promise<RegistryEntry[] | undefined> {
  const entries =
    (await readPages(session, scope, true, parseRegistryEntries)) ??
    (await readPages(session, scope, false, (data) => parseOldRegistryEntries(data, scope).map(asEntry)))
  return entries
}

async function readPages(
  session: DomainSession,
  scope: StatusScope,
  tlv: boolean,
  parse: (data: Uint8Array) => RegistryEntry[],
): Promise<RegistryEntry[] | undefined> {
  const data = serializeStatusRequest({ filter: new Uint8Array(0) })
  const entries: RegistryEntry[] = []
  for (let page = 0; page < mostPages; page++) {
    const p2 = serializeStatusForm({ next: page > 0, tlv })
    const answer = await session.exchange({ cla: 0x80, ins: 0xf2, p1: statusScopes[scope], p2, data })
    // Nothing there, or nothing that follows.
    if (answer.sw === 0x6a88) return entries
    if (page === 0 && unknownForm.has(answer.sw)) return undefined
    if (!isProcessed(answer.sw)) throw refusedInSession(session.kind, 'GET STATUS', answer.sw)
    entries.push(...parse(answer.data))
    if (answer.sw !== 0x6310) return entries
  }
  throw new PeerError(`the card says ${mostPages} times that more entries follow`)
}

function asEntry({ aid, state, privileges, modules }: OldRegistryEntry): RegistryEntry {
  return { aid, state, privileges, ...(modules && { modules }) }
}

const unknownForm = new Set([0x6a80, 0x6a81, 0x6a86, 0x6700, 0x6d00])
const mostPages = 512
