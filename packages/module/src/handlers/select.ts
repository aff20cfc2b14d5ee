import type { Response } from '@sealwright/core/apdu'
import { equal } from '@sealwright/core/bytes'
import { statusWords } from '@sealwright/core/catalog'
import {
  domainFileControlInformation,
  lockedBit,
  serializeFileControlInformation,
} from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import { applicationSelection } from '../dispatch/selection.ts'
import type { Call, Parts } from '../parts.ts'
import { issuerDomain, type RegistryEntry } from '../registry/index.ts'

type Needs = Pick<Parts, 'channels' | 'definitions' | 'select' | 'registry' | 'life'>

/** What SELECT found: an entry of the registry, or the application of a resource. */
type Found = { readonly entry: RegistryEntry } | { readonly resource: number; readonly aid: Uint8Array }

/**
 * SELECT by AID (ISO/IEC 7816-4; GlobalPlatform 11.9): a security domain, an installed application, or the application of a resource.
 * Without AID the issuer security domain; with the beginning of one the first that fits, P2 = 02 the next. Ends the channel.
 */
export function select(
  parts: Needs,
  { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array | Response {
  const { channels, registry, life } = parts
  if (p1 !== 0x04 || (p2 !== 0x00 && p2 !== 0x02)) throw new Refusal('wrong-parameters')
  if (data.length > 16) throw new Refusal('wrong-length')
  const found = data.length === 0 ? { entry: registry.issuer() } : search(parts, data, p2 === 0x02)
  const locked = life.cardState() === 'card-locked'
  const isIssuer = found !== undefined && 'entry' in found && found.entry.number === issuerDomain
  if (found === undefined || (locked && !isIssuer)) throw new Refusal('application-not-found')
  channels.close()
  registry.reset()
  if ('resource' in found) {
    parts.select(found.resource)
    return fileControlInformation(found.aid)
  }
  const { entry } = found
  registry.select(entry)
  parts.select(entry.form === 'application' ? applicationSelection(entry.number) : undefined)
  const answer = fileControlInformation(entry.aid)
  return locked ? { data: answer, sw: statusWords['card-locked'].sw } : answer
}

function fileControlInformation(aid: Uint8Array): Uint8Array {
  return serializeFileControlInformation(domainFileControlInformation(aid, 0xff))
}

/** The whole AID before the beginning of one; of those, the first, or the one behind what is selected now. */
function search(parts: Needs, aid: Uint8Array, next: boolean): Found | undefined {
  const { registry, definitions } = parts
  const entries = registry.selectable(aid).filter(canBeSelected)
  const resource = definitions.byAid(aid)
  if (!next) {
    if (resource !== undefined) return { resource: resource.id, aid }
    const [entry] = [...entries.filter((one) => equal(one.aid, aid)), ...entries]
    return entry === undefined ? undefined : { entry }
  }
  const current = registry.application ?? registry.selected
  const entry = entries[entries.findIndex(({ number }) => number === current) + 1]
  return entry === undefined ? undefined : { entry }
}

/** Selectable from SELECTABLE on, and not locked (GlobalPlatform 2.3.1, 5.3). The card's own state is no hindrance. */
function canBeSelected({ number, state }: RegistryEntry): boolean {
  return number === issuerDomain || ((state & lockedBit) === 0 && (state & 0x07) === 0x07)
}
