import { UsageError } from '@sealwright/core/errors'
import { type PartyName, parties } from '@sealwright/roles/ports'

export function requireParty(name: string): PartyName {
  if (!Object.hasOwn(parties, name)) {
    throw new UsageError(`there is no party ${name}, expected one of ${Object.keys(parties).join(', ')}`)
  }
  return name as PartyName
}
