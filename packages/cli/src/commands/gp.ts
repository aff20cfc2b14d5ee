import type { Command } from 'commander'
import type { Context } from '../framework/index.ts'
import { registerCertificates } from './gp-certificates.ts'
import { registerContent } from './gp-content.ts'
import { registerKeys } from './gp-keys.ts'
import { registerLook } from './gp-look.ts'

export function register(program: Command, context: Context): void {
  const gp = context.group(
    program,
    'gp',
    'manage any GlobalPlatform card: keys, domains, certificates',
    'Manages cards of GlobalPlatform 2.2 and later over SCP03 or SCP11: other makers’ cards in a reader (--reader), and modules of ours in the plain profile (--module). Nothing here needs a workspace. `gp info` needs no key; all else opens a session, with the keys of --keys or --test-keys (SCP03) or with certificates (--scp11). SCP01 and SCP02 are not supported.',
  )
  registerLook(gp, context)
  registerKeys(gp, context)
  registerContent(gp, context)
  registerCertificates(gp, context)
}
