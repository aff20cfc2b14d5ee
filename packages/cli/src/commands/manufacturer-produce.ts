import { join } from 'node:path'
import { isLotOrder, isTestMask, parseLotOrder, parseMaskFile } from '@sealwright/core/customization'
import { UsageError } from '@sealwright/core/errors'
import { chipFactory } from '@sealwright/node/chips'
import { chipEnding } from '@sealwright/node/lots'
import { type Produced, produce, produceLot } from '@sealwright/roles/manufacturer'
import type { Command } from 'commander'
import { type Context, keyBesideChip, type Report, report, type Step } from '../framework/index.ts'

/** `manufacturer produce`: chips by their names, or so many into a folder. */
export function register(manufacturer: Command, context: Context): void {
  context.verb(manufacturer, {
    name: 'produce <mask> [chip...]',
    summary: "make chips from a mask, or from a lot's order",
    about:
      'Makes a chip file for each name: ROM and EEPROM as the mask says, in issuer mode. With --count the names are made: so many chips into the folder --out, 000001.chip and on. Of the order of a lot each chip gets the image that is its own, and the delivery note lists them all. A chip that is there already stays as it is, so that an interrupted run is simply repeated. You need only the mask or the order; what it does is hidden from you.',
    reads: ['MASK: the mask, or the order of a lot, from the issuer'],
    writes: [
      'CHIP files, and CHIP.key beside each: what opens it, and goes with it',
      '--delivery-note FILE: for the mounter',
    ],
    examples: [
      'manufacturer produce exchange/fleet.mask chips/cash.chip chips/loader.chip --delivery-note exchange/fleet.note',
      'manufacturer produce exchange/spring.order --count 10000 --out chips/spring --delivery-note exchange/spring.note',
    ],
    options: [
      { flags: '--delivery-note <file>', text: 'the delivery note', required: true },
      { flags: '--count <number>', text: 'how many chips to make into --out' },
      { flags: '--out <dir>', text: 'the folder for them' },
      { flags: '--prefix <text>', text: 'what their names begin with (default: nothing)' },
    ],
    run: make,
  })
}

async function make(step: Step): Promise<Report> {
  const file = step.readFile(step.argument(0))
  const names = chipFiles(step)
  const ports = step.party('manufacturer')
  const factory = chipFactory(step.path('.'), {
    keys: step.newChipKeys(),
    say: (text) => step.terminal.say(text),
  })
  if (isLotOrder(file)) {
    const order = parseLotOrder(file)
    const counted = step.number('count') !== undefined
    if (!counted) {
      throw new UsageError('the chips of a lot are counted: --count NUMBER --out DIR')
    }
    if (names.length > order.count) {
      throw new UsageError(`the order is for ${order.count} chips, not for ${names.length}`)
    }
    const done = await produceLot(ports, { order, factory, names })
    // Of a lot that is made bit by bit the note grows.
    step.replaceFile(step.option('delivery-note'), done.deliveryNote)
    return told(done, isTestMask(order.mask), true)
  }
  const mask = parseMaskFile(file)
  const done = await produce(ports, { mask: file, factory, names: names.map(({ name }) => name) })
  step.writeFile(step.option('delivery-note'), done.deliveryNote)
  return told(done, isTestMask(mask), step.number('count') !== undefined)
}

function chipFiles(step: Step): { readonly name: string; readonly noted: string }[] {
  const [listed, count, out] = [step.list(1), step.number('count'), step.optional('out')]
  const prefix = step.optional('prefix')
  if (count === undefined) {
    if (out !== undefined || prefix !== undefined) throw new UsageError('--out and --prefix go with --count')
    if (listed.length === 0) throw new UsageError('name the chips, or say --count NUMBER --out DIR')
    return listed.map((name) => ({ name, noted: name }))
  }
  if (listed.length > 0) throw new UsageError('either name the chips or count them')
  if (out === undefined) throw new UsageError('--count: name the folder, --out DIR')
  if (count < 1 || count > mostChips) {
    throw new UsageError(`--count: expected 1 to ${mostChips}, got ${count}`)
  }
  if (prefix !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(prefix)) {
    throw new UsageError(
      `--prefix: expected letters, digits, dots and hyphens, got ${JSON.stringify(prefix)}`,
    )
  }
  return Array.from({ length: count }, (_, i) => {
    const noted = `${prefix ?? ''}${String(i + 1).padStart(6, '0')}${chipEnding}`
    return { name: join(out, noted), noted }
  })
}

/** @param counted many: only their number is told */
function told({ made, kept }: Produced, test: boolean, counted: boolean): Report {
  const lines = counted
    ? [
        `made  ${made.length} chips`,
        ...(kept.length === 0 ? [] : [`kept  ${kept.length} (they were there already)`]),
      ]
    : [...made.map((name) => `made  ${name}`), ...kept.map((name) => `kept  ${name} (it was there already)`)]
  return report(
    { made, kept, test },
    ...lines,
    ...(test ? ['These are test modules.'] : []),
    ...(made.length === 0 ? [] : [keyBesideChip]),
  )
}

const mostChips = 100_000
