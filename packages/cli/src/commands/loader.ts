import { encodeHex, wipe } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import {
  isSuite,
  type LoaderKeyEntry,
  type LoaderKeyOrder,
  type Profile,
  profiles,
  type Suite,
} from '@sealwright/core/key-download'
import { keepPapers } from '@sealwright/roles/custody'
import {
  exportFromVault,
  exportKey,
  list,
  listVault,
  type MadeSet,
  makeKey,
  makeSet,
  makeVaultKey,
  makeVaultSet,
  vaultLoaderLabel,
  verifyReceipt,
  verifyVaultReceipt,
} from '@sealwright/roles/loader'
import { type PartyPorts, vaultKinds } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import { type Context, fields, report, requireSerial, type Step, table } from '../framework/index.ts'

/** For commands that speak to a module under its document key. */
export const papersOption = {
  flags: '--papers <file>',
  text: "the module's papers, from its issuer; needed once, then the document key is in your vault",
}

/** For a loader that is no card: the custodian's own vault, best in an HSM. */
const inVault = {
  flags: '--in-vault',
  text: 'your vault is the loader, in the place of a card: an HSM, where `init --keys pkcs11:…` put your keys',
} as const

/** Whether the vault is the loader; else the card must be named. */
function worksInVault(step: Step): boolean {
  const isCard = step.moduleName !== undefined
  if (step.flag('in-vault') === isCard) {
    throw new UsageError('name the loader card with --module or --reader, or say --in-vault, and not both')
  }
  return !isCard
}

/** What nothing keeps this program to, where the vault is the loader. */
function byHost(step: Step, { vault }: PartyPorts) {
  return step.flag('in-vault') ? { enforcedBy: 'host', vault: vault.place } : {}
}

function label(step: Step, { vault }: PartyPorts): string[] {
  if (!step.flag('in-vault')) return []
  const weak =
    vault.place === 'pkcs11' ? [] : [`These keys lie in ${vaultKinds[vault.place].text}: an HSM is stronger.`]
  return [vaultLoaderLabel, ...weak]
}

export function register(program: Command, context: Context): void {
  const loader = context.group(
    program,
    'loader',
    'hold application keys and encrypt them for modules',
    "The loader is a card (a module of the product loader) and its custodian. The card makes application keys and encrypts them for one module at a time; it holds no list of modules. All commands open a channel to the card under its document key, which comes in its papers. Without a card the custodian's vault can be the loader (--in-vault): T, KS and diversified keys then stay in your HSM, what is made from them for one module passes through the memory of this computer, and exports are counted by this computer alone.",
  )
  const set = context.group(
    loader,
    'set',
    'sets of modules with one transport key',
    'A set is the modules that take keys from this loader under one transport key T.',
  )
  const key = context.group(
    loader,
    'key',
    'application keys',
    'Application keys are made inside the card and leave it only encrypted for one module.',
  )
  newSet(context, set)
  newKey(context, key)
  listKeys(context, key)
  exportOne(context, key)
  verify(context, key)
}

function newSet(context: Context, set: Command): void {
  context.verb(set, {
    name: 'new',
    summary: 'make a set: transport key T and signature key KS',
    about:
      'Makes T and KS and enters them into the loader card. A copy of both stays in your vault, because modules are given theirs from it: you are the custodian of these keys, and whoever copies your vault can open every download of the set. In profile diversified (the default) a module holds only a key of its own made from T, so one opened module opens no other; in profile shared it holds T itself. With --replace the set gets new keys: the card keeps the old ones beside them, so that modules in the field that still hold the old T take downloads (`loader key export --previous`) until they were given the new one (`module install-t`).',
    writes: ['your vault: T and KS', 'your outbox: the entry for the log'],
    examples: [
      'loader set new --module chips/loader.chip --papers exchange/loader.papers --set 1',
      'loader set new --module chips/loader.chip --set 1 --replace',
      'loader set new --in-vault --set 1',
    ],
    module: 'optional',
    options: [
      { flags: '--set <number>', text: 'number of the set, 0 to 255 (default: 1)' },
      {
        flags: '--profile <name>',
        text: 'what modules hold (default: diversified)',
        choices: Object.keys(profiles),
      },
      {
        flags: '--suite <hex>',
        text: 'A101: AES-128 (default), A201: AES-256; both sign keys by CMAC',
        choices: ['A101', 'A201'],
      },
      { flags: '--replace', text: 'give a set that is there new keys' },
      papersOption,
      inVault,
    ],
    async run(step) {
      const ports = await custodian(step)
      const input = {
        set: step.number('set') ?? 1,
        profile: (step.optional('profile') as Profile | undefined) ?? 'diversified',
        suite: suiteOf(step.optional('suite') ?? 'A101'),
        replace: step.flag('replace'),
      }
      const made: Pick<MadeSet, 'entry'> & Partial<MadeSet> = worksInVault(step)
        ? { entry: await makeVaultSet(ports, input) }
        : await makeSet(ports, await step.module(), input)
      const { set, profile, suite, transportCheck, signatureCheck } = made.entry
      return report(
        {
          ...{
            set,
            profile,
            suite: hex(suite, 4),
            generation: made.generation,
            transportCheck,
            signatureCheck,
          },
          ...byHost(step, ports),
        },
        ...fields({
          set,
          profile,
          suite: hex(suite, 4),
          'check value of T': encodeHex(transportCheck),
          'check value of KS': encodeHex(signatureCheck),
        }),
        ...label(step, ports),
      )
    },
  })
}

function newKey(context: Context, key: Command): void {
  context.verb(key, {
    name: 'new',
    summary: 'make an application key inside the card',
    about:
      'Has the card make a key. What is said here is fixed for its life: its set, what it is for, whether each module gets a key of its own (--diversified), how often it may be exported, and which modules get it.',
    writes: ['your outbox: the entry for the log'],
    examples: [
      'loader key new --module chips/loader.chip --reference 0x00010A01 --usage M6 --mode C',
      'loader key new --module chips/loader.chip --reference 0x00010A02 --usage D0 --mode B --diversified --exports 100',
    ],
    module: 'optional',
    options: [
      {
        flags: '--reference <number>',
        text: 'REF1, by which modules ask for it: 0x00010A01',
        required: true,
      },
      { flags: '--set <number>', text: 'the set that it belongs to (default: 1)' },
      { flags: '--usage <code>', text: 'usage by X9.143: M6 for CMAC (default), D0 for data' },
      {
        flags: '--mode <code>',
        text: 'mode by X9.143: C (default), G, V for MACs; B, E, D for data; N for any',
      },
      { flags: '--length <bytes>', text: '16 (default), 24 or 32; no more than T has' },
      { flags: '--key-version <number>', text: '0 to 99 (default: 1); modules take no lower one later' },
      { flags: '--diversified', text: 'each module gets a key of its own' },
      { flags: '--exports <number>', text: 'how often it may be exported (default: no limit)' },
      { flags: '--block <serial>', text: 'a module that does not get it (may be repeated)', many: true },
      { flags: '--only <serial>', text: 'only these modules get it (may be repeated)', many: true },
      papersOption,
      inVault,
    ],
    async run(step) {
      const ports = await custodian(step)
      const entry = worksInVault(step)
        ? await makeVaultKey(ports, orderOf(step))
        : (await makeKey(ports, await step.module(), orderOf(step))).entry
      return report(
        { ...entryFields(entry), ...byHost(step, ports) },
        ...fields(entryLines(entry)),
        ...label(step, ports),
      )
    },
  })
}

function listKeys(context: Context, key: Command): void {
  context.verb(key, {
    name: 'list',
    summary: 'list sets and keys of the card by their check values',
    about: 'Lists what the card holds. A set that was given new keys shows its previous ones too.',
    examples: ['loader key list --module chips/loader.chip'],
    module: 'optional',
    options: [papersOption, inVault],
    async run(step) {
      const ports = await custodian(step)
      const { sets, keys } = worksInVault(step)
        ? await listVault(ports)
        : await list(ports, await step.module())
      return report(
        {
          ...byHost(step, ports),
          sets: sets.map((set) => ({ ...set, suite: hex(set.suite, 4) })),
          keys: keys.map(entryFields),
        },
        ...table(
          ['set', 'keys', 'profile', 'suite', 'T', 'KS'],
          sets.map((one) => [
            String(one.set),
            one.generation,
            one.profile,
            hex(one.suite, 4),
            encodeHex(one.transportCheck),
            encodeHex(one.signatureCheck),
          ]),
        ),
        '',
        ...table(
          ['key', 'set', 'usage', 'version', 'check value', 'exports left', 'modules'],
          keys.map((one) => [
            hex(one.source, 8),
            String(one.set),
            one.attributes.usage + (one.diversified ? ', diversified' : ''),
            String(one.attributes.version),
            encodeHex(one.checkValue),
            one.exportsLeft === undefined ? 'no limit' : String(one.exportsLeft),
            modulesOf(one),
          ]),
        ),
      )
    },
  })
}

function exportOne(context: Context, key: Command): void {
  context.verb(key, {
    name: 'export <request>',
    summary: 'encrypt a key for the module that asks for it',
    about:
      'Answers the request of a module: the card encrypts the key that the request names, for that module and that request alone. The card needs no list of modules. Done again it makes another message, of which the module takes one.',
    reads: ['REQUEST: from the module’s place, as `module prepare` writes it'],
    writes: ['--out FILE: the message, for `module import-key`', 'your outbox: the entry for the log'],
    examples: [
      'loader key export exchange/terminal.key-request --module chips/loader.chip --out exchange/terminal.key-message',
    ],
    module: 'optional',
    options: [
      { flags: '--out <file>', text: 'the message', required: true },
      { flags: '--previous', text: 'under the previous T of the set, for a module that still holds it' },
      papersOption,
      inVault,
    ],
    async run(step) {
      const ports = await custodian(step)
      const input = {
        request: step.readFile(step.argument(0)),
        generation: step.flag('previous') ? 'previous' : 'present',
      } as const
      const done = worksInVault(step)
        ? await exportFromVault(ports, input)
        : await exportKey(ports, await step.module(), input)
      step.replaceFile(step.option('out'), done.file)
      const { serial, source, destination, counter, suite } = done.message.header
      const found = {
        module: encodeHex(serial),
        key: hex(source, 8),
        place: hex(destination, 8),
        counter,
        suite: hex(suite, 4),
      }
      return report(
        { ...found, ...byHost(step, ports) },
        ...fields({ ...found, message: `${step.option('out')}, ${done.file.length} bytes` }),
        ...label(step, ports),
      )
    },
  })
}

function verify(context: Context, key: Command): void {
  context.verb(key, {
    name: 'verify-receipt <receipt>',
    summary: "check a module's receipt for a key",
    about:
      'Has the card check that the module took the key. The receipt convinces only the loader that made the message: both ends hold the key that it is made with.',
    reads: ['RECEIPT: from the module’s place, as `module import-key` writes it'],
    examples: ['loader key verify-receipt exchange/terminal.key-receipt --module chips/loader.chip'],
    module: 'optional',
    options: [papersOption, inVault],
    async run(step) {
      const ports = await custodian(step)
      const receipt = step.readFile(step.argument(0))
      const claim = worksInVault(step)
        ? await verifyVaultReceipt(ports, receipt)
        : await verifyReceipt(ports, await step.module(), receipt)
      const { serial, source, destination } = claim.request
      const found = {
        module: encodeHex(serial),
        key: hex(source, 8),
        place: hex(destination, 8),
        counter: claim.counter,
        checkValue: claim.checkValue,
      }
      return report(
        { ...found, holds: true },
        `the module ${found.module} took the key ${found.key}, check value ${encodeHex(found.checkValue)}`,
      )
    },
  })
}

/** The loader's ports; papers that were named are taken first. */
export async function custodian(step: Step): Promise<PartyPorts> {
  const ports = step.party('loader')
  const file = step.optional('papers')
  if (file === undefined) return ports
  const papers = step.readFile(file)
  try {
    await keepPapers(ports, papers)
  } finally {
    wipe(papers)
  }
  return ports
}

function orderOf(step: Step): LoaderKeyOrder {
  const [blocked, only] = [step.many('block'), step.many('only')]
  if (blocked.length > 0 && only.length > 0) throw new UsageError('--block and --only exclude each other')
  const serials = [...blocked, ...only].map((text) => encodeHex(requireSerial(text))).sort()
  if (new Set(serials).size !== serials.length) throw new UsageError('a serial number is named twice')
  const exportsLeft = step.number('exports')
  return {
    source: required(step, 'reference'),
    set: step.number('set') ?? 1,
    diversified: step.flag('diversified'),
    exportsLeft,
    attributes: {
      usage: step.optional('usage') ?? 'M6',
      algorithm: 'A',
      mode: step.optional('mode') ?? 'C',
      version: step.number('key-version') ?? 1,
      exportability: 'N',
      keyLength: step.number('length') ?? 16,
    },
    modules: { rule: only.length > 0 ? 'only' : 'all-but', serials: serials.map(requireSerial) },
  }
}

function required(step: Step, name: string): number {
  const value = step.number(name)
  if (value === undefined) throw new UsageError(`option --${name} is missing`)
  return value
}

function suiteOf(text: string): Suite {
  const suite = Number.parseInt(text, 16)
  if (!isSuite(suite)) throw new UsageError(`there is no suite ${text}`)
  return suite
}

function entryFields(entry: LoaderKeyEntry): Record<string, unknown> {
  const { source, attributes, modules, ...rest } = entry
  return { key: hex(source, 8), ...rest, ...attributes, modules }
}

function entryLines(entry: LoaderKeyEntry): Record<string, string | number> {
  const { source, set, diversified, exportsLeft, attributes, checkValue } = entry
  return {
    key: hex(source, 8),
    set,
    usage: `${attributes.usage}, mode ${attributes.mode}, AES-${8 * attributes.keyLength}, version ${attributes.version}`,
    'for each module': diversified ? 'a key of its own' : 'the same key',
    'exports left': exportsLeft ?? 'no limit',
    modules: modulesOf(entry),
    'check value': encodeHex(checkValue),
  }
}

function modulesOf({ modules: { rule, serials } }: LoaderKeyEntry): string {
  const names = serials.map(encodeHex).join(' ')
  if (rule === 'only') return `only ${names || 'none'}`
  return serials.length === 0 ? 'all' : `all but ${names}`
}

function hex(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, '0')
}
