import type { Command, Response } from '@sealwright/core/apdu'
import { wipe } from '@sealwright/core/bytes'
import type { OpenChannel } from '../channel/index.ts'
import { customizationSoftware } from '../customization/index.ts'
import { Refusal } from '../dispatch/refusal.ts'
import type { Parts } from '../parts.ts'
import { defaultBudget } from '../program/index.ts'
import { callInTransaction } from './call-in-transaction.ts'
import { customizationWrites } from './customization-writes.ts'
import type { ProgramCache } from './program-cache.ts'

type HostParts = Pick<Parts, 'compile' | 'crypto' | 'keys' | 'nvm' | 'objects' | 'ram' | 'rom'>

/** Runs the customization software on one command: only in the customization channel, and only while the software is there. */
export function runCustomization(
  parts: HostParts,
  cache: ProgramCache,
  command: Command,
  channel: OpenChannel | undefined,
): Response {
  if (channel?.kind !== 'customization') throw new Refusal('security-not-satisfied')
  if (command.cla !== 0x80) throw new Refusal('class-not-supported')
  const software = customizationSoftware(parts)
  if (software === undefined) throw new Refusal('conditions-not-satisfied')
  try {
    return callInTransaction(parts.nvm, {
      writer: 'customization software',
      program: cache.compiled(software),
      grants: new Set(['io', 'chip']),
      function: 0,
      budget: 5 * defaultBudget,
      command,
      host: (frame) => ({ chip: customizationWrites(parts, frame) }),
    })
  } finally {
    wipe(software)
  }
}
