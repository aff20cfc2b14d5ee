import type { Command } from 'commander'
import type { Context } from '../framework/index.ts'

export interface CommandFile {
  /** One line for `sealwright --help`. */
  readonly summary: string
  load(): Promise<{ register(program: Command, context: Context): void }>
}

/** Every first word of a command line, and the file that registers it; loaded only when it is asked for. */
export const commandFiles = {
  demo: { summary: 'the whole story on this machine, in seconds', load: () => import('./demo.ts') },
  init: { summary: 'make a workspace, or add a party to one', load: () => import('./init.ts') },
  keys: { summary: "list a party's keys by their check values", load: () => import('./keys.ts') },
  'protect-keys': {
    summary: "put a party's keys under a passphrase",
    load: () => import('./protect-keys.ts'),
  },
  issuer: {
    summary: 'own the software: masks, unlock, customize, finish',
    load: () => import('./issuer.ts'),
  },
  manufacturer: {
    summary: 'make chips from a mask, certify modules and units',
    load: () => import('./manufacturer.ts'),
  },
  mounter: { summary: 'mount chips and write serial numbers', load: () => import('./mounter.ts') },
  unit: { summary: 'personalize modules at their place of use', load: () => import('./unit.ts') },
  person: { summary: 'ask for, or approve, what needs two people', load: () => import('./person.ts') },
  central: { summary: 'talk to modules in operation', load: () => import('./central.ts') },
  loader: {
    summary: 'hold application keys and encrypt them for modules',
    load: () => import('./loader.ts'),
  },
  terminal: {
    summary: "use a module's keys: loyalty points of a filling station",
    load: () => import('./terminal.ts'),
  },
  authority: {
    summary: 'register modules, certify operators and suppliers',
    load: () => import('./authority.ts'),
  },
  operator: {
    summary: 'rent out room in modules: reserve, activate, block',
    load: () => import('./operator.ts'),
  },
  supplier: {
    summary: 'ask for room in modules, load and run programs there',
    load: () => import('./supplier.ts'),
  },
  outbox: { summary: "gather a party's entries for the log", load: () => import('./outbox.ts') },
  log: { summary: 'the log: take entries, sign checkpoints, check', load: () => import('./log.ts') },
  passport: { summary: "export a module's record out of the log", load: () => import('./passport.ts') },
  module: { summary: 'look at modules; send an APDU; give them keys', load: () => import('./module.ts') },
  reader: { summary: 'list the card readers of this machine', load: () => import('./reader.ts') },
  doctor: { summary: 'say what card readers lack on this machine', load: () => import('./doctor.ts') },
  gp: {
    summary: 'manage any GlobalPlatform card: keys, domains, certificates',
    load: () => import('./gp.ts'),
  },
  inspect: { summary: 'explain a file or bytes', load: () => import('./inspect.ts') },
} as const satisfies Record<string, CommandFile>
