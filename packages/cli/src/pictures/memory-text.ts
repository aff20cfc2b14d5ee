import { pageSize } from '@sealwright/module/medium'
import { table } from '../framework/index.ts'
import { eepromPicture, eepromTable } from './eeprom-text.ts'
import { areaWrites, heatOf, heatRange, mostWritten } from './heat.ts'
import { amount, hex, hexByte, wrapped } from './lines.ts'
import type { MemoryMap } from './memory-map.ts'
import { segmentsIn } from './owners.ts'

/**
 * The memory of a module as lines of text: ROM, vectors, EEPROM, OTP bits, journal, write counts.
 * @param width columns of the reader's terminal
 */
export function memoryText(map: MemoryMap, width = 80): string[] {
  return [
    ...chapter(
      'ROM',
      `${amount(map.rom.length)} bytes${map.rom.test ? ', of test modules' : ''}`,
      romLines(map),
    ),
    ...chapter('Functions in ROM', functionCounts(map), functionLines(map, width)),
    ...chapter('Vectors', `the module is in ${map.mode} mode`, vectorLines(map)),
    ...chapter('EEPROM', `${amount(map.size)} bytes`, [
      ...eepromPicture(map, width),
      '',
      ...eepromTable(map),
    ]),
    ...chapter('One-time bits', '', otpLines(map)),
    ...chapter('Journal', `${amount(map.journal.size)} bytes`, [...wrapped(journalText(map), width)]),
    ...chapter('Write counts', '', writeLines(map, width)),
  ].slice(1)
}

/** What the journal holds, in words. */
export function journalText({ journal: { state, used, pages } }: MemoryMap): string {
  if (state === 'empty') return 'Empty: no transaction was in flight.'
  const where = `${amount(used.length)} of its pages`
  if (state === 'incomplete') {
    return `A transaction was cut before it was complete: ${where} hold a part of it. The next power-up drops it, and the memory stays as it was. The rest of the picture shows it dropped.`
  }
  const shown = pages.slice(0, 12).map(({ area, page }) => `${area} ${hex(page * pageSize)}`)
  const named = [...shown, ...(pages.length > shown.length ? ['…'] : [])].join(', ')
  const over = pages.length === 1 ? '1 page' : `${amount(pages.length)} pages`
  return `A complete transaction is in flight in ${where}, over ${over} of the memory${named === '' ? '' : `: ${named}`}. The next power-up carries it out. The rest of the picture shows it carried out.`
}

/** `31 native functions: 20 are reached by a vector, 11 by none now`. */
export function functionCounts({ rom: { natives } }: MemoryMap): string {
  const reached = natives.filter(({ vectors }) => vectors.length > 0).length
  return `${natives.length} native ones: ${reached} reached by a vector, ${natives.length - reached} by none`
}

function chapter(title: string, text: string, lines: readonly string[]): string[] {
  return ['', text === '' ? title : `${title}: ${text}`, '', ...lines]
}

function romLines({ rom }: MemoryMap): string[] {
  return rom.segments.map(
    ({ start, end, name }) => `${hex(start)}..${hex(end - 1)}  ${amount(end - start).padStart(9)}  ${name}`,
  )
}

function functionLines({ rom: { natives } }: MemoryMap, width: number): string[] {
  const reached = natives.filter(({ vectors }) => vectors.length > 0)
  const dormant = natives.filter(({ vectors, dormant }) => vectors.length === 0 && dormant.length > 0)
  const unnamed = natives.filter(({ vectors, dormant }) => vectors.length === 0 && dormant.length === 0)
  const rows = (list: typeof natives, text: (one: (typeof natives)[number]) => string): string =>
    list.map(text).join(', ')
  const instruction = (list: readonly number[]): string => list.map(hexByte).join('/')
  return [
    ...named(
      'reached (instruction: function)',
      rows(reached, (one) => `${instruction(one.vectors)}: ${one.command}`),
      width,
    ),
    ...named(
      'only by vectors of another mode',
      rows(dormant, (one) => `${instruction(one.dormant)}: ${one.command}`),
      width,
    ),
    ...named(
      'named by nothing',
      rows(unnamed, (one) => one.command),
      width,
    ),
  ]
}

function named(title: string, text: string, width: number): string[] {
  return text === '' ? [] : [`${title}`, ...wrapped(`  ${text}`, Math.max(40, width), 2), '']
}

function vectorLines({ vectors }: MemoryMap): string[] {
  if (vectors.length === 0) return ['There is none.']
  return table(
    ['INS', 'lies in', 'in force', 'runs'],
    vectors.map(({ ins, lies, inForce, runs }) => [hexByte(ins), lies, inForce ? 'yes' : 'no', runs]),
  )
}

function otpLines({ otp: { bits, spare } }: MemoryMap): string[] {
  const state =
    spare.set.length === 0
      ? `${spare.count} spare bits, all clear`
      : `spare bits set: ${spare.set.join(', ')}`
  return [
    ...bits.map(
      ({ bit, name, set }) => `${String(bit).padStart(3)}  ${set ? '[x] set  ' : '[ ] clear'}  ${name}`,
    ),
    `     ${state}`,
  ]
}

function writeLines(map: MemoryMap, width: number): string[] {
  const { writes } = map
  if (writes === undefined) return ['Not counted by this medium.']
  const sums = areaWrites(writes).map(({ area, pages, written, writes: times }) => [
    area,
    amount(pages),
    amount(written),
    amount(times),
  ])
  const most = mostWritten(writes, 8).map(({ area, page, writes: times }) => [
    amount(times),
    `${area} ${hex(page * pageSize)}`,
    area === 'eeprom' ? whoseLine(map, page) : '',
  ])
  return [
    ...table(['area', 'pages', 'written', 'writes'], sums),
    '',
    'most often written',
    ...table(['writes', 'page', 'whose'], most),
    '',
    ...heatRows(writes.eeprom, width),
    '',
    ...wrapped(
      `One character a page of EEPROM: . never written, ${Array.from({ length: 9 }, (_, i) => `${i + 1}: ${heatRange(i + 1)}`).join(', ')} times.`,
      Math.max(60, width),
    ),
  ]
}

function whoseLine(map: MemoryMap, page: number): string {
  const names = segmentsIn(map.segments, page * pageSize, (page + 1) * pageSize)
    .filter(({ owner }) => owner !== 'free')
    .map(({ owner, name }) => `${owner} ${name}`)
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
}

function heatRows(counts: readonly number[], width: number): string[] {
  const columns = width >= 72 ? 64 : 32
  const rows: string[] = []
  for (let at = 0; at < counts.length; at += columns) {
    const cells = counts.slice(at, at + columns)
    rows.push(cells.map((times) => (times === 0 ? '.' : heatOf(times))).join(''))
  }
  const lines: string[] = []
  for (let row = 0; row < rows.length; ) {
    let next = row + 1
    while (rows[next] === rows[row]) next++
    lines.push(`${hex(row * columns * pageSize)}  ${rows[row]}`)
    if (next - row > 1)
      lines.push(`     …  the same to ${hex(Math.min(counts.length, next * columns) * pageSize - 1)}`)
    row = next
  }
  return lines
}
