import type { Command, Response } from '@sealwright/core/apdu'
import { equal } from '@sealwright/core/bytes'
import type { InterfaceName } from '@sealwright/core/catalog'
import { applicationStates, lockedBit } from '@sealwright/core/globalplatform'
import type { OpenChannel } from '../channel/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Parts } from '../parts.ts'
import { defaultBudget } from '../program/index.ts'
import { callInTransaction } from './call-in-transaction.ts'
import { DataArea } from './data-area.ts'
import type { ProgramCache } from './program-cache.ts'

type HostParts = Pick<Parts, 'entropy' | 'nvm' | 'objects' | 'registry'>

/** What every application that INSTALL made may use; more is what resources are for. */
export const installedInterfaces = ['io', 'data', 'random'] as const satisfies readonly InterfaceName[]

/**
 * Runs an application of the GlobalPlatform registry on one command: a fresh instance of its load file's program, its data in an object of
 * its own. `fromSupplier` says that the command came in a channel with its security domain.
 */
export function runInstalled(
  parts: HostParts,
  cache: ProgramCache,
  number: number,
  command: Command,
  channel: OpenChannel | undefined,
): Response {
  const { registry, objects, entropy, nvm } = parts
  const entry = registry.find(number)
  const file = registry.list('load-file').find(({ aid }) => entry !== undefined && equal(aid, entry.loadFile))
  const program = file === undefined ? undefined : objects.read('load-file', file.number)
  if (entry?.form !== 'application' || program === undefined || !runs(entry.state)) {
    throw new Refusal('conditions-not-satisfied')
  }
  return callInTransaction(nvm, {
    writer: `application ${number}`,
    program: cache.compiled(program),
    grants: new Set<InterfaceName>(installedInterfaces),
    function: 0,
    budget: defaultBudget,
    command,
    fromSupplier: channel?.kind === 'security-domain',
    host: (frame) => ({ data: new DataArea(parts, frame, number, 'application-data'), random: entropy }),
  })
}

/** From SELECTABLE on, and not locked. */
function runs(state: number): boolean {
  const selectable = applicationStates.selectable.code
  return (state & lockedBit) === 0 && (state & selectable) === selectable
}
