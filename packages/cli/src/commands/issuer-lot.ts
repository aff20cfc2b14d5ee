import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { encodeHex } from '@sealwright/core/bytes'
import {
  parseIdentityRequest,
  parseLotCertificates,
  serializeLotRequests,
} from '@sealwright/core/customization'
import { UsageError } from '@sealwright/core/errors'
import { type PolicyName, policyBits } from '@sealwright/core/personalization'
import { maskLayout } from '@sealwright/node/chips'
import { syncFolder } from '@sealwright/node/files'
import { chipNames, papersPath, processes, writePapers } from '@sealwright/node/lots'
import {
  certifiedPoints,
  completeLot,
  customizeLot,
  finishLot,
  type LotOutcome,
  type LotRun,
  lotColumns,
  lotReport,
  lotRows,
  newLot,
  type ProductName,
  products,
} from '@sealwright/roles/issuer'
import { certificateRecord, root as manufacturerRoot } from '@sealwright/roles/manufacturer'
import type { PartyPorts } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import {
  type Context,
  certificateOf,
  failing,
  fields,
  parseSerialList,
  type Report,
  report,
  reportBytes,
  requireReportName,
  type Step,
} from '../framework/index.ts'
import { productPrograms } from '../shipped-programs.ts'
import { leastChannelOf, leastChannelOptions } from './channel-options.ts'

const chipsOption = { flags: '--chips <dir>', text: 'the folder of the chip files', required: true }
const reportOption = {
  flags: '--report <file>',
  text: 'a report on every chip of the lot: a .csv or a .json file, replaced at every run',
}
const jobsOption = {
  flags: '--jobs <number>',
  text: 'how many chips at a time (default: one more than there are cores, since each waits for the disk; a few chips one after the other)',
}

const productOptions = [
  chipsOption,
  {
    flags: '--product <name>',
    text: 'what the chips become',
    required: true,
    choices: Object.keys(products),
  },
  {
    flags: '--serials <file>',
    text: 'the serial numbers that were delivered, one a line; all others are refused',
  },
  { flags: '--papers <dir>', text: 'the folder that the papers go to', required: true },
  { flags: '--authority <file>', text: "the key authority's certificate" },
  {
    flags: '--operator <file>',
    text: "an operator's certificate from that authority (may be repeated)",
    many: true,
  },
  {
    flags: '--insecure-policy <name>',
    text: 'a variant that personalization may use besides the chain (may be repeated)',
    many: true,
    choices: Object.keys(policyBits),
  },
  ...leastChannelOptions('the product'),
]

/** `issuer lot …`: many chips at once. */
export function register(issuer: Command, context: Context): void {
  const lot = context.group(
    issuer,
    'lot',
    'order, customize and finish many chips at once',
    'A lot is a stock of chips of one mask. The order: lot new, (manufacturer produce, mounter mount), lot customize, (manufacturer certify-lot), lot finish; or lot complete where the manufacturer is at hand. Every command can be broken off and run again.',
  )

  context.verb(lot, {
    name: 'new <name>',
    summary: 'make the order of a lot for the manufacturer',
    about:
      'Encrypts the customization software of a mask anew: for each chip under an unlocking key of its own, which opens no other chip, or with --one-key for all under one. All keys come from one secret in your vault; the order holds none. Asked again for the same name it is the same order.',
    reads: ['your store: the mask'],
    writes: ['--out FILE: the order for the manufacturer', "your vault: the lot's secret"],
    examples: ['issuer lot new spring --mask fleet --count 10000 --out exchange/spring.order'],
    options: [
      { flags: '--mask <name>', text: 'the mask, by the name you gave it', required: true },
      { flags: '--count <number>', text: 'how many chips', required: true },
      { flags: '--one-key', text: 'one unlocking key for all chips of the lot' },
      { flags: '--out <file>', text: 'the order', required: true },
    ],
    async run(step) {
      const kind = step.flag('one-key') ? 'one-key' : 'own-keys'
      const count = step.number('count')!
      const made = await newLot(step.party('issuer'), {
        name: step.argument(0),
        mask: step.option('mask'),
        layout: maskLayout,
        count,
        kind,
      })
      step.writeFile(step.option('out'), made.file)
      const found = {
        lot: step.argument(0),
        id: encodeHex(made.lot),
        mask: step.option('mask'),
        chips: count,
        keys: kind === 'one-key' ? 1 : count,
        romDigest: encodeHex(made.romDigest),
        test: made.test,
        bytes: made.file.length,
        made: made.made,
      }
      return report(
        found,
        ...fields({
          lot: `${found.lot}${made.made ? '' : ' (made before)'}`,
          id: found.id,
          chips: `${count}${made.test ? ', test modules' : ''}`,
          'unlocking keys': kind === 'one-key' ? 'one for all' : 'one for each chip',
          file: `${step.option('out')}, ${made.file.length} bytes`,
        }),
      )
    },
  })

  context.verb(lot, {
    name: 'customize <lot>',
    summary: 'unlock and customize the chips of a lot',
    about: `Unlocks every chip of the folder and makes a product of it; the chip makes its identity key. A chip of another lot, one whose serial number was not delivered, or comes twice, is left as it is; a defective one is discarded; the others are done. Broken off, it is run again and goes on where it was. Products: ${Object.keys(products).join(', ')}.`,
    reads: [
      'the chip files of --chips',
      "the manufacturer's root certificate",
      '--serials FILE: the serial numbers that the mounter delivered',
    ],
    writes: [
      '--papers DIR: the document key of each module, for its owner; only you can read them',
      '--requests FILE: the identity keys, for the manufacturer to certify',
      '--report FILE',
      'your store: the book of the lot; your outbox: entries for the log',
    ],
    examples: [
      'issuer lot customize spring --chips chips/spring --product cash --manufacturer-root certs/manufacturer-root.pem --serials exchange/spring.serials --papers papers/spring --requests exchange/spring.requests --report spring.csv',
    ],
    chips: 'many',
    options: [
      ...productOptions,
      { flags: '--manufacturer-root <file>', text: "the manufacturer's root certificate", required: true },
      { flags: '--requests <file>', text: 'where the identity requests go', required: true },
      reportOption,
      jobsOption,
    ],
    async run(step) {
      const ports = step.party('issuer')
      const name = step.argument(0)
      const root = step.option('manufacturer-root')
      const { input, task, tidy } = await productWork(step, ports, certificateOf(step.readFile(root), root))
      const crew = processes({ jobs: jobsOf(step, input.chips), task: { kind: 'customize', ...task } })
      const done = await customizeLot(ports, { ...input, crew })
      tidy()
      const all = []
      for await (const { request } of lotRows(ports, name)) {
        if (request !== undefined) all.push(parseIdentityRequest(request))
      }
      step.replaceFile(step.option('requests'), serializeLotRequests(all))
      await writeReport(step, ports, name)
      return told(step, name, done, {
        requests: `${all.length}, in ${step.option('requests')}`,
      })
    },
  })

  context.verb(lot, {
    name: 'complete <lot>',
    summary: 'unlock, customize, certify and finish the chips of a lot in one go',
    about: `For whom issuer and manufacturer live in one workspace, and for products without certificates of identity: does with every chip what customize, manufacturer certify-lot and finish do, while it stays under power, and replaces its file once, when it is in user mode. About twice as fast. Until then the chip is as it was and its certificate is nowhere; what is missing in the records after a run that broke off is learned from the chip. Chips that were customized before are finished. Products: ${Object.keys(products).join(', ')}.`,
    reads: [
      'the chip files of --chips',
      '--serials FILE: the serial numbers that the mounter delivered',
      "the manufacturer's keys",
    ],
    writes: [
      '--papers DIR: the document key of each module, for its owner; only you can read them',
      '--report FILE',
      'your store: the book of the lot; your outbox: entries for the log',
      "the manufacturer's store: the certificates",
    ],
    examples: [
      'issuer lot complete spring --chips chips/spring --product cash --serials exchange/spring.serials --papers papers/spring --report spring.csv --irreversible',
    ],
    chips: 'many',
    options: [
      ...productOptions,
      { flags: '--irreversible', text: 'say that you know: this cannot be undone' },
      reportOption,
      jobsOption,
    ],
    async run(step) {
      requireIrreversible(step)
      const ports = step.party('issuer')
      const manufacturer = step.party('manufacturer')
      const { encoded } = await manufacturerRoot(manufacturer)
      const { input, task, tidy } = await productWork(step, ports, encoded)
      const crew = processes({ jobs: jobsOf(step, input.chips), task: { kind: 'complete', ...task } })
      const certificates = await certificateRecord(manufacturer)
      const done = await completeLot(ports, { ...input, certificates, crew })
      tidy()
      await writeReport(step, ports, input.lot)
      return told(step, input.lot, done, {})
    },
  })

  context.verb(lot, {
    name: 'finish <lot>',
    summary: 'end customization of the chips of a lot for ever: user mode',
    about:
      'Stores the identity certificate of every customized chip, has the chip erase the customization software and its keys, and blows the fuse. Each certificate is checked before anything is sent. A chip that cannot be finished does not stop the others. Broken off, it is run again.',
    reads: ['the chip files of --chips', '--certificates FILE: from the manufacturer'],
    writes: ['--report FILE', 'your store: the book of the lot; your outbox: entries for the log'],
    examples: [
      'issuer lot finish spring --chips chips/spring --certificates certs/spring.certificates --report spring.csv --irreversible',
    ],
    chips: 'many',
    options: [
      chipsOption,
      { flags: '--certificates <file>', text: "the lot's identity certificates", required: true },
      { flags: '--irreversible', text: 'say that you know: this cannot be undone' },
      reportOption,
      jobsOption,
    ],
    async run(step) {
      requireIrreversible(step)
      requireReportName(step.optional('report'))
      const ports = step.party('issuer')
      const name = step.argument(0)
      const chips = step.path(step.option('chips'))
      const file = step.option('certificates')
      const names = requireChips(chips)
      const done = await finishLot(ports, {
        lot: name,
        chips: names,
        certificates: certificatesBySerial(step.readFile(file)),
        crew: processes({
          jobs: jobsOf(step, names),
          task: {
            kind: 'finish',
            workspace: step.workspace().folder,
            open: await step.chipsOptions(step.option('chips')),
            lot: name,
            chips,
          },
        }),
      })
      await writeReport(step, ports, name)
      return told(step, name, done, {})
    },
  })

  context.verb(lot, {
    name: 'show <lot>',
    summary: 'tell how many chips of a lot are how far',
    about:
      'Counts the chips of a lot by what became of them, as your book has it, and writes the report again. No chip is touched.',
    reads: ['your store: the book of the lot'],
    writes: ['--report FILE'],
    examples: ['issuer lot show spring --report spring.json'],
    options: [reportOption],
    async run(step) {
      requireReportName(step.optional('report'))
      const ports = step.party('issuer')
      const name = step.argument(0)
      const counts: Partial<Record<LotOutcome, number>> = {}
      for await (const { outcome } of lotRows(ports, name)) counts[outcome] = (counts[outcome] ?? 0) + 1
      await writeReport(step, ports, name)
      return report({ lot: name, ...counts }, ...fields({ lot: name, ...counts }))
    },
  })
}

/** What customize and complete have in common: what is done to the chips, here and in processes. */
async function productWork(step: Step, ports: PartyPorts, manufacturerRoot: Uint8Array) {
  const [lot, product] = [step.argument(0), step.option('product') as ProductName]
  const chips = step.path(step.option('chips'))
  const papers = step.path(step.option('papers'))
  const policy = step.many('insecure-policy') as PolicyName[]
  const leastChannel = leastChannelOf(step)
  const authority = step.optional('authority')
  const serials = step.optional('serials')
  requireReportName(step.optional('report'))
  const points = certifiedPoints(ports, {
    ...(authority === undefined ? {} : { authority: certificateOf(step.readFile(authority), authority) }),
    operators: step.many('operator').map((file) => certificateOf(step.readFile(file), file)),
  })
  return {
    input: {
      lot,
      chips: requireChips(chips),
      product: products[product].name,
      manufacturerRoot,
      ...(serials === undefined ? {} : { serials: known(serials, step) }),
      hasPapers: async (serial: Uint8Array) => existsSync(papersPath(papers, serial)),
      givePapers: async (serial: Uint8Array, bytes: Uint8Array) => writePapers(papers, serial, bytes),
    },
    task: {
      workspace: step.workspace().folder,
      open: await step.chipsOptions(step.option('chips')),
      lot,
      chips,
      papers,
      product: {
        ...products[product],
        ...(policy.length === 0 ? {} : { policy }),
        ...(leastChannel === undefined ? {} : { leastChannel }),
      },
      programs: productPrograms(),
      manufacturerRoot,
      ...points,
    },
    /** Makes the names of the papers durable. */
    tidy: () => {
      if (existsSync(papers)) syncFolder(papers)
    },
  }
}

function requireIrreversible(step: Step): void {
  if (step.flag('irreversible')) return
  throw new UsageError('finish cannot be undone: add --irreversible when you mean it')
}

function requireChips(folder: string): string[] {
  const names = chipNames(folder)
  if (names.length === 0) throw new UsageError(`there are no .chip files in ${folder}`)
  return names
}

function known(file: string, step: Step): ReadonlySet<string> {
  return new Set(parseSerialList(file, step.readFile(file)).map(encodeHex))
}

function jobsOf(step: Step, chips: readonly string[]): number {
  const jobs = step.number('jobs') ?? (chips.length < worthProcesses ? 1 : availableParallelism() + 1)
  if (jobs < 1 || jobs > 64) throw new UsageError(`--jobs: expected 1 to 64, got ${jobs}`)
  return jobs
}

function certificatesBySerial(bytes: Uint8Array): Map<string, Uint8Array> {
  const certificates = new Map<string, Uint8Array>()
  for (const { serial, certificate } of parseLotCertificates(bytes)) {
    const hex = encodeHex(serial)
    if (certificates.has(hex)) {
      throw new UsageError(`certificates of a lot: the serial number ${hex} comes twice`)
    }
    certificates.set(hex, certificate)
  }
  return certificates
}

async function writeReport(step: Step, ports: PartyPorts, name: string): Promise<void> {
  const file = step.optional('report')
  if (file === undefined) return
  async function* rows() {
    for await (const row of lotRows(ports, name)) yield lotReport(row)
  }
  step.replaceFile(file, await reportBytes(file, lotColumns, rows()))
}

/** The counts of a run; chips that were not done make the exit status of the command. */
function told(step: Step, lot: string, run: LotRun, more: Readonly<Record<string, string>>): Report {
  const { done, before, missed } = run
  const counts = Object.fromEntries(Object.entries(done).filter(([, count]) => count > 0))
  const file = step.optional('report')
  const found = report(
    { lot, ...counts, before, ...(missed === 0 ? {} : { missed }) },
    ...fields({
      lot,
      ...counts,
      'done before': before === 0 ? undefined : before,
      'not customized': missed === 0 ? undefined : missed,
      ...more,
      report: file,
    }),
  )
  const incomplete = done.refused + done.discarded + done.failed + missed > 0
  return incomplete ? failing('lot-incomplete', found) : found
}

/** Fewer chips are done before other processes are there. */
const worthProcesses = 50
