/**
 * `npm run bench`: how fast the flows are beside the cryptography in them (section P of docs/requirements.md). Each round measures a
 * flow and then its primitives at the same lengths, each in the fastest way the repository knows; the numbers are means over all rounds,
 * in processor time of the one thread, so that other work on the machine does not show.
 * `--profile` says instead where a flow's time goes, by folders. `--json` prints one object a flow; `--rounds N`; other words keep only flows whose names contain one of them (`round`: the round trips; `line`: the
 * bytes of a personalization on a serial line, and their time).
 * `lot` takes 10,000 chips (`--chips N`) through the commands for lots, on the disk of TMPDIR, and runs only when it is named: in one go, or with
 * `--steps` by customize, certify-lot and finish.
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { keyDownload } from './bench/key-download.ts'
import { type LineTime, measureLineTime } from './bench/line-time.ts'
import { type LotMeasured, measureLot } from './bench/lot.ts'
import { type Flow, type Measured, measure } from './bench/measure.ts'
import { personalization } from './bench/personalization.ts'
import { type ProfileRow, profile } from './bench/profile.ts'
import { programCalls } from './bench/program-call.ts'
import {
  type Missing,
  measureRoundTrips,
  modulePath,
  type RoundTrips,
  simulatorPath,
} from './bench/round-trip.ts'

const { values: options, positionals: words } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    chips: { type: 'string', default: '10000' },
    steps: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})

const flows: readonly Measurable[] = [
  ...(['shared', 'diversified'] as const).map((profile) => measurable(keyDownload(profile))),
  measurable(personalization),
  ...programCalls.map(measurable),
]

const rounds = Number(options.rounds)
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: expected a number from 1, got ${options.rounds}`)
const chosen = flows.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
const roundTrips = words.length === 0 || words.some((word) => 'round trip'.includes(word))
const line = words.length === 0 || words.includes('line')
const lot = words.includes('lot')
if (chosen.length === 0 && !roundTrips && !line && !lot) {
  throw new Error(
    `no flow of that name: ${[...flows.map(({ name }) => name), 'round trip', 'line', 'lot'].join(', ')}`,
  )
}

if (!options.json) {
  const [cpu] = cpus()
  console.log(
    `Node ${process.versions.node}, ${cpus().length} × ${cpu?.model ?? 'unknown processor'}, means of ${rounds} rounds\n`,
  )
}
for (const flow of chosen) {
  if (options.profile) {
    const rows = await flow.profile()
    if (options.json) console.log(JSON.stringify({ name: flow.name, profile: rows }))
    else printProfile(flow.name, rows)
    continue
  }
  const measured = await flow.measure(rounds)
  if (options.json) console.log(JSON.stringify(measured))
  else print(measured)
}
if (roundTrips && !options.profile) {
  const measured = await measureRoundTrips(Math.min(rounds, 15))
  if (options.json) for (const row of measured) console.log(JSON.stringify(row))
  else printRoundTrips(measured)
}

if (line && !options.profile) {
  const measured = await measureLineTime()
  if (options.json) console.log(JSON.stringify(measured))
  else printLineTime(measured)
}

if (lot && !options.profile) {
  const chips = Number(options.chips)
  if (!Number.isInteger(chips) || chips < 1)
    throw new Error(`--chips: expected a number from 1, got ${options.chips}`)
  const form = options.steps ? 'steps' : 'one go'
  const measured = await measureLot(chips, form, (line) => console.error(line))
  if (options.json) console.log(JSON.stringify(measured))
  else printLot(measured)
}

function printLineTime({ name, apdus, bytes, seconds }: LineTime): void {
  const times = Object.entries(seconds).map(([baud, time]) => `${time.toFixed(2)} s at ${baud} baud`)
  console.log(`${name}: ${apdus} APDUs, ${bytes} bytes with T=1; the bytes alone take ${times.join(', ')}\n`)
}

interface Measurable {
  readonly name: string
  measure(rounds: number): Promise<Measured>
  profile(): Promise<ProfileRow[]>
}

function measurable<T>(flow: Flow<T>): Measurable {
  return { name: flow.name, measure: (count) => measure(flow, count), profile: () => profile(flow) }
}

function printProfile(name: string, rows: readonly ProfileRow[]): void {
  console.log(`${name}: where its time goes`)
  for (const { place, share } of rows.filter((row) => row.share >= 0.005)) {
    console.log(`    ${(100 * share).toFixed(1).padStart(5)} %  ${place}`)
  }
  console.log('')
}

function print({ name, text, perSecond, each, operations, primitives, sum, ratio, bare }: Measured): void {
  console.log(`${name}: ${Math.round(perSecond)} a second (${us(each)}; ${operations} operations a round)`)
  console.log(`  ${text}`)
  const width = Math.max(...primitives.map(({ label }) => label.length), 12)
  for (const { label, count, each: one, backend } of primitives) {
    const product = `${String(count).padStart(3)} × ${us(one).padStart(9)} = ${us(count * one).padStart(9)}`
    console.log(`    ${label.padEnd(width)} ${product}   ${backend}`)
  }
  if (primitives.length > 0)
    console.log(
      `  primitives ${us(sum)}, ${(100 * ratio).toFixed(0)} % of the whole; the rest is ${us(each - sum)}`,
    )
  if (bare !== undefined)
    console.log(
      `  bare call of the same function ${us(bare.each)}; the command takes ${bare.times.toFixed(1)} times as long`,
    )
  console.log('')
}

function printRoundTrips(rows: readonly (RoundTrips | Missing)[]): void {
  console.log('round trip: one command to a module and its answer, in time that passes')
  for (const row of rows) {
    if ('missing' in row) console.log(`    ${row.carrier.padEnd(40)} not measured: ${row.missing}`)
    else {
      const times = `${us(row.median).padStart(10)}, 95 % within ${us(row.p95).padStart(10)}`
      console.log(`    ${row.carrier.padEnd(40)} ${row.command.padEnd(22)} ${times}   (${row.trips})`)
    }
  }
  for (const command of ['application selected', 'hello'] as const) {
    const [own, other] = [modulePath, simulatorPath].map((carrier) =>
      rows.find((row) => 'median' in row && row.carrier === carrier && row.command === command),
    ) as (RoundTrips | undefined)[]
    if (own === undefined || other === undefined) continue
    console.log(
      `  ${command}: ours ${us(own.median)}, jCardSim ${us(other.median)}; ours takes ${(own.median / other.median).toFixed(2)} times as long`,
    )
  }
  console.log('')
}

function printLot({ chips, folder, stretches, perSecond, growth }: LotMeasured): void {
  console.log(`lot: ${chips} chips with 32 KiB of EEPROM, each synced to the disk of ${folder}`)
  for (const { name, seconds, processor, memory } of stretches) {
    const each = `${(chips / seconds).toFixed(0).padStart(6)} a second`
    const spent = `${((1000 * processor) / chips).toFixed(1)} ms of processor time a chip`
    const grown =
      memory === undefined
        ? ''
        : `; ${memory.atTenth.toFixed(0)} MiB at a tenth, ${memory.atEnd.toFixed(0)} MiB at the end`
    console.log(`    ${name.padEnd(22)} ${seconds.toFixed(1).padStart(7)} s ${each}   ${spent}${grown}`)
  }
  console.log(`  from unlock to finish, certificates included: ${perSecond.toFixed(0)} chips a second`)
  if (growth !== undefined)
    console.log(`  memory at the last chip is ${growth.toFixed(2)} times that at a tenth`)
  console.log('')
}

function us(microseconds: number): string {
  return `${microseconds.toFixed(microseconds < 100 ? 2 : 0)} µs`
}
