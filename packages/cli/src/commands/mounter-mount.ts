import { join } from 'node:path'
import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { chipNames } from '@sealwright/node/lots'
import { openModuleFile } from '@sealwright/node/transport'
import { type MountRow, mount, mountLot } from '@sealwright/roles/mounter'
import type { Command } from 'commander'
import {
  type Context,
  failing,
  fields,
  parseSerialList,
  type Report,
  report,
  reportBytes,
  requireReportName,
  requireSerial,
  type Step,
  serialListBytes,
  serialsFrom,
} from '../framework/index.ts'

/** `mounter mount`: one chip, or all of a folder. */
export function register(mounter: Command, context: Context): void {
  context.verb(mounter, {
    name: 'mount',
    summary: 'test a chip, or all of a folder, and write serial numbers',
    about:
      "Powers the chip up, runs its electrical self-test, compares it with the delivery note and writes its serial number, which can be written once. A chip that fails is discarded and listed; its serial number is free for another one. With --chips this is done to every chip of a folder, in the order of their names: a chip of another delivery is left as it is and named, a serial number that comes twice or is another chip's is refused before anything is written, and a run that broke off is simply repeated.",
    reads: [
      '--delivery-note FILE: from the manufacturer, of a mask or of a lot',
      '--serials FILE: serial numbers, one a line',
    ],
    writes: [
      'your store: serial numbers given, print orders, discarded chips',
      'your outbox: the entries for the log',
      '--report FILE: the test report on every chip',
      '--print-orders FILE: what to print, for the good chips',
      '--mounted FILE: the serial numbers of the good chips, for the issuer',
    ],
    examples: [
      'mounter mount --module chips/cash.chip --serial 0000000000000001 --delivery-note exchange/fleet.note --print "CASH 0001"',
      'mounter mount --chips chips/spring --first-serial 0000000000010000 --delivery-note exchange/spring.note --print "No. {serial}" --print-orders spring-print.csv --report spring-test.csv --mounted exchange/spring.serials',
    ],
    module: 'optional',
    options: [
      { flags: '--serial <hex>', text: 'the serial number, 16 hex digits' },
      { flags: '--delivery-note <file>', text: "the manufacturer's delivery note", required: true },
      {
        flags: '--print <text>',
        text: "what is to be printed on the support; of many chips, {serial} and {chip} stand for what is the chip's own",
      },
      { flags: '--chips <dir>', text: 'the folder of the chip files, instead of one module' },
      { flags: '--serials <file>', text: 'the serial numbers for them, one a line' },
      { flags: '--first-serial <hex>', text: 'the first of their serial numbers; the others follow it' },
      { flags: '--report <file>', text: 'the test report: a .csv or a .json file, replaced at every run' },
      { flags: '--print-orders <file>', text: 'what to print: a .csv or a .json file' },
      { flags: '--mounted <file>', text: 'the serial numbers of the good chips, one a line' },
    ],
    run: (step) => (step.optional('chips') === undefined ? one(step) : many(step)),
  })
}

async function one(step: Step): Promise<Report> {
  const chip = step.moduleName
  if (chip === undefined) {
    throw new UsageError(
      'name the module (--module FILE, --reader NAME), or the folder of many (--chips DIR)',
    )
  }
  for (const name of ['serials', 'first-serial', 'report', 'print-orders', 'mounted']) {
    if (step.optional(name) !== undefined) throw new UsageError(`--${name} goes with --chips`)
  }
  const serial = requireSerial(step.option('serial'))
  const print = step.optional('print')
  const done = await mount(step.party('mounter'), {
    chip,
    power: () => step.module(),
    serial,
    deliveryNote: step.readFile(step.option('delivery-note')),
    ...(print === undefined ? {} : { print }),
  })
  if (done.outcome === 'discarded') {
    const { reason } = done
    return failing(
      'memory-damaged',
      report({ chip, outcome: 'discarded', reason }, `${chip} discarded: ${reason}`),
    )
  }
  const text = done.already ? 'had its serial number before' : 'mounted'
  return report(
    { chip, outcome: 'mounted', serial, already: done.already, test: done.test },
    `${chip} ${text}: ${encodeHex(serial)}${done.test ? ', a test module' : ''}`,
  )
}

async function many(step: Step): Promise<Report> {
  if (step.moduleName !== undefined || step.optional('serial') !== undefined) {
    throw new UsageError('--chips takes the place of --module, --reader and --serial')
  }
  const [reportFile, printFile] = [step.optional('report'), step.optional('print-orders')]
  requireReportName(reportFile)
  requireReportName(printFile)
  const folder = step.option('chips')
  const chips = chipNames(step.path(folder)).map((name) => join(folder, name))
  if (chips.length === 0) throw new UsageError(`there are no .chip files in ${folder}`)
  const serials = serialsOf(step, chips.length)
  const deliveryNote = step.readFile(step.option('delivery-note'))
  const options = await step.chipsOptions(folder)
  const pattern = step.optional('print') ?? '{serial}'
  const rows = await mountLot(step.party('mounter'), {
    chips,
    serials,
    deliveryNote,
    power: async (chip) => openModuleFile(step.path(chip), options),
    print: (serial, chip) => pattern.replaceAll('{serial}', encodeHex(serial)).replaceAll('{chip}', chip),
  })
  const good = rows.filter(({ outcome }) => outcome === 'mounted')
  if (reportFile !== undefined) {
    step.replaceFile(reportFile, await reportBytes(reportFile, testColumns, rows.map(testRow)))
  }
  if (printFile !== undefined) {
    const orders = good.map(({ serial, print }) => ({ serial: encodeHex(serial!), print }))
    step.replaceFile(printFile, await reportBytes(printFile, ['serial', 'print'], orders))
  }
  const mounted = step.optional('mounted')
  if (mounted !== undefined) {
    step.replaceFile(mounted, serialListBytes(good.map(({ serial }) => serial!)))
  }
  return told(rows)
}

function serialsOf(step: Step, count: number): Uint8Array[] {
  const [file, first] = [step.optional('serials'), step.optional('first-serial')]
  if ((file === undefined) === (first === undefined)) {
    throw new UsageError('say which serial numbers: either --serials FILE or --first-serial HEX')
  }
  return file === undefined
    ? serialsFrom(requireSerial(first!), count)
    : parseSerialList(file, step.readFile(file))
}

const testColumns = [
  'chip',
  'outcome',
  'reason',
  'serial',
  'already',
  'test',
  'image',
  'rom',
  'imageDigest',
] as const

function testRow({ chip, outcome, reason, serial, already, test, delivered }: MountRow) {
  return {
    chip,
    outcome,
    reason,
    serial: serial === undefined ? undefined : encodeHex(serial),
    already,
    test,
    image: delivered?.index,
    rom: delivered === undefined ? undefined : encodeHex(delivered.romDigest),
    imageDigest: delivered === undefined ? undefined : encodeHex(delivered.imageDigest),
  }
}

function told(rows: readonly MountRow[]): Report {
  const count = (outcome: MountRow['outcome']) => rows.filter((row) => row.outcome === outcome).length
  const [mounted, thrownAway, refused] = [count('mounted'), count('discarded'), count('refused')]
  const before = rows.filter(({ already }) => already === true).length
  const bad = rows.filter(({ outcome }) => outcome !== 'mounted')
  const found = report(
    {
      mounted,
      before,
      discarded: thrownAway,
      refused,
      bad: bad.map(({ chip, outcome, reason }) => ({ chip, outcome, reason })),
    },
    ...fields({
      mounted: before === 0 ? mounted : `${mounted}, ${before} of them before`,
      discarded: thrownAway === 0 ? undefined : thrownAway,
      refused: refused === 0 ? undefined : refused,
    }),
    ...bad.map(({ chip, outcome, reason }) => `${chip} ${outcome}: ${reason}`),
  )
  return bad.length === 0 ? found : failing('lot-incomplete', found)
}
