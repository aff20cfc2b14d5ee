import type { Segment } from '@sealwright/module/eeprom'
import { pageSize } from '@sealwright/module/medium'
import type { RomSegment } from '@sealwright/module/rom'
import { areaWrites, heatOf, heatRange, mostWritten } from './heat.ts'
import { amount, hex, hexByte, wrapped } from './lines.ts'
import type { MemoryMap } from './memory-map.ts'
import { functionCounts, journalText } from './memory-text.ts'
import { patternDefinitions, styleOf } from './owner-style.ts'
import { lettersOf, ownersOf, segmentsIn } from './owners.ts'
import { element, text, title } from './svg.ts'

/** The memory of a module as one SVG document: no script, nothing from elsewhere, the same bytes for the same map. */
export function memorySvg(map: MemoryMap): string {
  const sheet = new Sheet()
  head(sheet, map)
  rom(sheet, map)
  functions(sheet, map)
  eeprom(sheet, map)
  otp(sheet, map)
  journal(sheet, map)
  writes(sheet, map)
  return sheet.finish(`Memory of module ${map.serial ?? 'without a serial number'}`)
}

/** What grows downwards; `y` is where the next part begins. */
class Sheet {
  y = 0
  readonly #parts: string[] = []

  add(...parts: readonly string[]): void {
    this.#parts.push(...parts)
  }

  chapter(name: string, told: string): void {
    this.y += 46
    this.add(
      element('line', {
        x1: margin,
        y1: this.y - 24,
        x2: pageWidth - margin,
        y2: this.y - 24,
        class: 'rule',
      }),
      text(margin, this.y, name, { class: 'chapter' }),
      text(margin + name.length * 10 + 22, this.y, told, { class: 'note' }),
    )
    this.y += 14
  }

  lines(content: string, characters: number): void {
    for (const line of wrapped(content, characters)) {
      this.y += 17
      this.add(text(margin, this.y, line))
    }
    this.y += 4
  }

  finish(name: string): string {
    const height = Math.ceil(this.y + margin)
    return `${[
      `<svg xmlns="http://www.w3.org/2000/svg" width="${pageWidth}" height="${height}" viewBox="0 0 ${pageWidth} ${height}" role="img">`,
      title(name),
      `<style>${style}</style>`,
      element('defs', {}, ...patternDefinitions()),
      element('rect', { width: pageWidth, height, fill: '#ffffff' }),
      ...this.#parts,
    ].join('\n')}\n</svg>\n`
  }
}

function head(sheet: Sheet, map: MemoryMap): void {
  const name = map.serial === undefined ? 'Module without a serial number' : `Module ${map.serial}`
  const told = [
    map.product === undefined ? undefined : `product ${map.product}`,
    `${map.mode} mode`,
    map.rom.test ? 'a test module' : undefined,
    `ROM ${amount(map.rom.length)} bytes, EEPROM ${amount(map.size)}, journal ${amount(map.journal.size)}`,
  ]
  sheet.add(
    text(margin, 46, name, { class: 'head' }),
    text(margin, 68, told.filter((one) => one !== undefined).join(' · '), { class: 'note' }),
  )
  sheet.y = 68
}

function rom(sheet: Sheet, { rom: { segments, length } }: MemoryMap): void {
  sheet.chapter('ROM', `${amount(length)} bytes, masked once; the head is drawn again below, larger`)
  const size = segments.at(-1)!.end
  const codeStart = segments.find(({ kind }) => kind === 'program' || kind === 'free')?.start ?? size
  sheet.y += 14
  bar(sheet, segments, 0, size)
  const before = sheet.y
  const edge = margin + (codeStart / size) * inner
  // What the lower bar enlarges.
  sheet.add(
    element('path', {
      d: `M${margin},${before + 2} L${margin},${before + 36} M${edge.toFixed(2)},${before + 2} L${pageWidth - margin},${before + 36}`,
      class: 'guide',
    }),
  )
  sheet.y += 36
  bar(sheet, segments, 0, codeStart)
  sheet.y += 8
  for (const { start, end, kind, name } of segments) {
    sheet.y += 17
    const { fill } = romStyles[kind]
    sheet.add(
      element('rect', {
        x: margin,
        y: sheet.y - 10,
        width: 14,
        height: 12,
        fill,
        class: kind === 'free' ? 'free' : 'edge',
      }),
      text(margin + 24, sheet.y, `${hex(start)}–${hex(end - 1)}`, { class: 'mono' }),
      text(margin + 250, sheet.y, amount(end - start), { class: 'mono', 'text-anchor': 'end' }),
      text(margin + 264, sheet.y, name),
    )
  }
}

function bar(sheet: Sheet, segments: readonly RomSegment[], from: number, to: number): void {
  const scale = inner / (to - from)
  for (const segment of segments) {
    const start = Math.max(from, segment.start)
    const end = Math.min(to, segment.end)
    if (start >= end) continue
    const { fill, ink } = romStyles[segment.kind]
    const x = margin + (start - from) * scale
    const width = (end - start) * scale
    const label = fitting(segment.name, width)
    sheet.add(
      element(
        'g',
        {},
        title(told(segment.start, segment.end, segment.name)),
        element('rect', { x, y: sheet.y, width, height: 26, fill, class: 'edge' }),
        ...(label === '' ? [] : [text(x + 5, sheet.y + 17, label, { class: 'label', style: `fill:${ink}` })]),
      ),
    )
  }
  sheet.y += 26
  sheet.add(
    text(margin, sheet.y + 13, hex(from), { class: 'address' }),
    text(margin + inner, sheet.y + 13, hex(to - 1), { class: 'address', 'text-anchor': 'end' }),
  )
  sheet.y += 14
}

function functions(sheet: Sheet, map: MemoryMap): void {
  const { natives, segments } = map.rom
  sheet.chapter('Functions in ROM', `${functionCounts(map)}; the number in front is the vector’s instruction`)
  const columns = 5
  const gap = 8
  const width = (inner - gap * (columns - 1)) / columns
  const cells = [
    ...natives.map(({ entry, command, vectors, dormant }) => ({
      name: command,
      vectors,
      dormant,
      told: `native function ${hexByte(entry)}: ${command}`,
    })),
    ...segments
      .filter(({ kind }) => kind === 'program')
      .flatMap(({ name }) => {
        const id = Number(/[0-9]+/.exec(name)![0])
        const own = map.vectors.filter(({ program }) => program === id)
        const numbers = [...new Set(own.map((row) => row.function))]
        const cell = (told: string, rows: typeof own) => ({
          name: told,
          told: `${name}, ${told}`,
          vectors: rows.filter(({ inForce }) => inForce).map(({ ins }) => ins),
          dormant: rows.filter(({ inForce }) => !inForce).map(({ ins }) => ins),
        })
        const label = name.replace(/^program [0-9]+: /, '')
        if (numbers.length === 0) return [cell(label, [])]
        return numbers.map((number) =>
          cell(
            `${label}, function ${number}`,
            own.filter((row) => row.function === number),
          ),
        )
      }),
  ]
  for (const [i, { name, vectors, dormant, told: what }] of cells.entries()) {
    const x = margin + (i % columns) * (width + gap)
    const y = sheet.y + Math.floor(i / columns) * 30
    const state = vectors.length > 0 ? 'reached' : dormant.length > 0 ? 'dormant' : 'unnamed'
    const by = [...vectors, ...(vectors.length > 0 ? [] : dormant)].map(hexByte).join('/')
    const how = {
      reached: `reached by instruction ${by}`,
      dormant: `reached in another mode, by instruction ${by}`,
      unnamed: 'no vector names it',
    }[state]
    sheet.add(
      element(
        'g',
        {},
        title(`${what}: ${how}`),
        element('rect', { x, y, width, height: 24, rx: 3, class: `fn-${state}` }),
        text(x + 8, y + 16, by === '' ? '—' : by, { class: `mono ink-${state}` }),
        text(x + 44, y + 16, fitting(name, width - 44, capitalWidth), { class: `fn ink-${state}` }),
      ),
    )
  }
  sheet.y += Math.ceil(cells.length / columns) * 30 + 8
  const key = [
    ['reached', 'a vector in force reaches it'],
    ['dormant', 'only a vector of another mode'],
    ['unnamed', 'nothing names it: it cannot run'],
  ] as const
  for (const [i, [state, meaning]] of key.entries()) {
    const x = margin + i * 260
    sheet.add(
      element('rect', { x, y: sheet.y, width: 22, height: 14, rx: 3, class: `fn-${state}` }),
      text(x + 30, sheet.y + 12, meaning),
    )
  }
  sheet.y += 18
}

function eeprom(sheet: Sheet, map: MemoryMap): void {
  const rows = eepromRows(map)
  const { bytes } = rows
  sheet.chapter(
    'EEPROM',
    `${amount(map.size)} bytes; a row is ${amount(bytes)} of them, a page of ${pageSize} is ${amount(Math.round((pageSize / bytes) * strip))} points wide; below each row, how often its pages were written`,
  )
  const letters = lettersOf(map.segments)
  for (const row of rows.list) {
    if (row.folded > 1) {
      sheet.add(
        text(
          margin + address,
          sheet.y + 13,
          `⋮  ${row.folded} rows like the one above, to ${hex(row.end - 1)}`,
          {
            class: 'note',
          },
        ),
      )
      sheet.y += 22
      continue
    }
    sheet.add(text(margin, sheet.y + 14, hex(row.start), { class: 'address' }))
    const scale = strip / bytes
    for (const segment of row.segments) {
      const start = Math.max(row.start, segment.start)
      const end = Math.min(row.end, segment.end)
      const x = margin + address + (start - row.start) * scale
      sheet.add(segmentBox(segment, letters, { x, y: sheet.y, width: (end - start) * scale }))
    }
    sheet.y += 22
    const zone = map.zones.find(({ start }) => start >= row.start && start < row.end)
    if (zone !== undefined) sheet.add(text(margin, sheet.y + 5, zone.name, { class: 'small' }))
    for (const run of heatRuns(map.writes?.eeprom ?? [], row.start / pageSize, row.end / pageSize)) {
      const x = margin + address + (run.first * pageSize - row.start) * scale
      const width = (run.end - run.first) * pageSize * scale
      const first = hex(run.first * pageSize)
      const what =
        run.end - run.first === 1 ? `page ${first}` : `each page of ${first}–${hex(run.end * pageSize - 1)}`
      sheet.add(heatBox({ x, y: sheet.y + 1, width, height: 6 }, run.times, what))
    }
    sheet.y += 12
  }
  sheet.y += 6
  zones(sheet, map)
  ownerLegend(sheet, map)
}

/** Pages side by side that were written equally often. */
function heatRuns(counts: readonly number[], from: number, to: number) {
  const runs: { first: number; end: number; times: number }[] = []
  for (let page = from; page < Math.min(to, counts.length); page++) {
    const last = runs.at(-1)
    if (last !== undefined && last.times === counts[page]) last.end = page + 1
    else runs.push({ first: page, end: page + 1, times: counts[page]! })
  }
  return runs
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height?: number
}

function segmentBox(segment: Segment, letters: ReadonlyMap<string, string>, { x, y, width }: Box): string {
  const { fill, ink, pattern } = styleOf(segment.owner)
  const letter = letters.get(segment.owner) ?? ''
  const label =
    segment.owner === 'free' ? '' : width >= 9 ? fitting(`${letter} ${segment.name}`, width) || letter : ''
  const height = 22
  return element(
    'g',
    {},
    title(told(segment.start, segment.end, `${segment.owner}: ${segment.name}`)),
    element('rect', { x, y, width, height, fill, class: segment.owner === 'free' ? 'free' : 'edge' }),
    ...(pattern === undefined ? [] : [element('rect', { x, y, width, height, fill: `url(#p-${pattern})` })]),
    ...(label === ''
      ? []
      : [
          // A plate under the letters, so that the pattern does not cross them.
          ...(pattern === undefined
            ? []
            : [
                element('rect', {
                  x: x + 1,
                  y: y + 4,
                  width: Math.min(width - 2, label.length * letterWidth + 5),
                  height: 14,
                  fill,
                }),
              ]),
          text(x + 3, y + 15, label, { class: 'label', style: `fill:${ink}` }),
        ]),
  )
}

interface Row {
  readonly start: number
  readonly end: number
  readonly segments: readonly Segment[]
  /** More than 1: stands for so many rows like the one before. */
  readonly folded: number
}

/** The rows of the picture, as fine as a legible number of them allows; equal ones are told once. */
function eepromRows(map: MemoryMap): { bytes: number; list: Row[] } {
  for (let bytes = finestRow; ; bytes *= 2) {
    const list = foldedRows(map, Math.min(bytes, map.size))
    if (list.length <= mostRows || bytes >= map.size) return { bytes: Math.min(bytes, map.size), list }
  }
}

function foldedRows(map: MemoryMap, bytes: number): Row[] {
  const list: Row[] = []
  let lastLook = ''
  for (let start = 0; start < map.size; start += bytes) {
    const end = start + bytes
    const segments = segmentsIn(map.segments, start, end)
    const pages = map.writes?.eeprom.slice(start / pageSize, end / pageSize) ?? []
    const whole = segments.length === 1
    const look = whole
      ? `${segments[0]!.owner} ${segments[0]!.name} ${pages.map(heatOf).join('')}`
      : `at ${start}`
    const last = list.at(-1)
    if (look === lastLook && last !== undefined) {
      if (last.folded > 0) list[list.length - 1] = { ...last, end, folded: last.folded + 1 }
      else list.push({ start, end, segments, folded: 1 })
    } else list.push({ start, end, segments, folded: 0 })
    lastLook = look
  }
  return list
}

function zones(sheet: Sheet, { zones: list, size }: MemoryMap): void {
  sheet.y += 16
  sheet.add(text(margin, sheet.y, 'Zones', { class: 'strong' }))
  const told = list.map(({ name, start, end }) => `${name} ${hex(start)}–${hex(end - 1)}`).join(' · ')
  sheet.add(text(margin + address, sheet.y, told, { class: 'mono' }), title(`EEPROM of ${size} bytes`))
  sheet.y += 8
}

function ownerLegend(sheet: Sheet, map: MemoryMap): void {
  sheet.y += 6
  for (const { letter, owner, bytes, text: what } of ownersOf(map)) {
    sheet.y += 20
    const { fill, ink, pattern } = styleOf(owner)
    const box = { x: margin, y: sheet.y - 13, width: 26, height: 17 }
    sheet.add(
      element('rect', { ...box, fill, class: owner === 'free' ? 'free' : 'edge' }),
      ...(pattern === undefined ? [] : [element('rect', { ...box, fill: `url(#p-${pattern})` })]),
      ...(owner === 'free'
        ? []
        : [
            element('rect', { x: margin + 7, y: sheet.y - 11, width: 12, height: 13, fill }),
            text(margin + 13, sheet.y, letter, {
              class: 'label',
              style: `fill:${ink}`,
              'text-anchor': 'middle',
            }),
          ]),
      text(margin + 36, sheet.y, owner, { class: 'strong' }),
      text(margin + 196, sheet.y, amount(bytes), { class: 'mono', 'text-anchor': 'end' }),
    )
    for (const [i, line] of wrapped(what, 128).entries()) {
      if (i > 0) sheet.y += 16
      sheet.add(text(margin + 212, sheet.y, line))
    }
  }
}

function otp(sheet: Sheet, { otp: { bits, spare } }: MemoryMap): void {
  sheet.chapter('One-time bits', 'a bit that is set never goes back')
  const width = inner / bits.length
  for (const [i, { bit, name, set }] of bits.entries()) {
    const x = margin + i * width
    sheet.add(
      element(
        'g',
        {},
        title(`bit ${bit}, ${name}: ${set ? 'set' : 'clear'}`),
        element('rect', { x, y: sheet.y, width: 24, height: 24, class: set ? 'bit-set' : 'bit-clear' }),
        text(x + 12, sheet.y + 17, set ? '1' : '0', {
          class: set ? 'bit-one' : 'bit-zero',
          'text-anchor': 'middle',
        }),
        text(x + 32, sheet.y + 11, `${bit}  ${name}`),
        text(x + 32, sheet.y + 25, set ? 'set' : 'clear', { class: set ? 'strong' : 'note' }),
      ),
    )
  }
  sheet.y += 32
  const state =
    spare.set.length === 0
      ? `${spare.count} spare bits, all clear.`
      : `${spare.count} spare bits; set among them: ${spare.set.join(', ')}.`
  sheet.lines(state, 140)
}

function journal(sheet: Sheet, map: MemoryMap): void {
  const { size, used, state } = map.journal
  const pages = size / pageSize
  sheet.chapter('Journal', `${amount(pages)} pages; at rest it is all zeros`)
  sheet.lines(journalText(map), 150)
  sheet.y += 8
  const columns = 96
  const width = inner / columns
  const written = map.writes?.journal
  // Behind the last page that was ever used there is nothing to tell apart.
  const last = Math.max(used.at(-1) ?? 0, written?.findLastIndex((times) => times > 0) ?? 0)
  const shown = Math.min(pages, Math.ceil((last + 1) / columns) * columns)
  for (let page = 0; page < shown; page++) {
    const box = {
      x: margin + (page % columns) * width,
      y: sheet.y + Math.floor(page / columns) * 14,
      width: width - 1,
      height: 12,
    }
    const busy = used.includes(page)
    if (!busy) sheet.add(heatBox(box, written?.[page] ?? 0, `journal page ${page}, empty`))
    else
      sheet.add(
        element(
          'rect',
          { ...box, class: `journal-${state}` },
          title(`journal page ${page}: part of a transaction, ${state}`),
        ),
      )
  }
  sheet.y += Math.ceil(shown / columns) * 14
  if (shown < pages) {
    sheet.y += 14
    sheet.add(
      text(margin, sheet.y, `⋮  ${amount(pages - shown)} pages more, empty and never written`, {
        class: 'note',
      }),
    )
  }
}

function writes(sheet: Sheet, map: MemoryMap): void {
  const { writes: counts } = map
  if (counts === undefined) {
    sheet.chapter('Write counts', 'this medium does not count')
    return
  }
  sheet.chapter('Write counts', 'how often a page was written since the chip was made')
  const cell = 78
  for (let step = 0; step <= 9; step++) {
    const x = margin + step * cell
    sheet.add(
      element('rect', { x, y: sheet.y, width: cell, height: 16, fill: heatColours[step], class: 'edge' }),
      text(x + cell / 2, sheet.y + 30, heatRange(step), { class: 'mono', 'text-anchor': 'middle' }),
    )
  }
  sheet.y += 44
  const left = sheet.y
  for (const { area, pages, written, writes: times } of areaWrites(counts)) {
    sheet.y += 18
    sheet.add(
      text(margin, sheet.y, area, { class: 'strong' }),
      text(
        margin + 80,
        sheet.y,
        times === 0
          ? `${amount(pages)} pages, never written`
          : `${amount(written)} of ${amount(pages)} pages, ${amount(times)} writes`,
      ),
    )
  }
  const right = margin + 400
  let y = left + 18
  sheet.add(text(right, y, 'most often written', { class: 'strong' }))
  for (const { area, page, writes: times } of mostWritten(counts, 8)) {
    y += 18
    const start = page * pageSize
    const whose =
      area === 'eeprom'
        ? segmentsIn(map.segments, start, start + pageSize)
            .filter(({ owner }) => owner !== 'free')
            .map(({ owner, name }) => `${owner} ${name}`)
            .join(', ')
        : ''
    sheet.add(
      text(right + 60, y, amount(times), { class: 'mono', 'text-anchor': 'end' }),
      text(right + 74, y, `${area} ${hex(start)}`, { class: 'mono' }),
      text(right + 200, y, fitting(whose, inner - 600)),
    )
  }
  sheet.y = Math.max(sheet.y, y)
}

function heatBox(box: Box, times: number, what: string): string {
  return element(
    'rect',
    { ...box, fill: heatColours[heatOf(times)], class: 'heat' },
    title(`${what}: written ${times === 0 ? 'never' : times === 1 ? 'once' : `${amount(times)} times`}`),
  )
}

function told(start: number, end: number, what: string): string {
  const length = end - start
  return `${hex(start)}–${hex(end - 1)}, ${amount(length)} byte${length === 1 ? '' : 's'}\n${what}`
}

/** As much of a text as fits into so many points, with a mark where it is cut; empty when that says nothing. */
function fitting(content: string, width: number, each: number = letterWidth): string {
  const room = Math.floor((width - 6) / each)
  if (content.length <= room) return content
  return room < 4 ? '' : `${content.slice(0, room - 1)}…`
}

const romStyles: Readonly<Record<RomSegment['kind'], { fill: string; ink: string }>> = {
  header: { fill: '#4d5866', ink: '#ffffff' },
  'client-key': { fill: '#1f6fb5', ink: '#ffffff' },
  vectors: { fill: '#a8324e', ink: '#ffffff' },
  natives: { fill: '#1b8a5a', ink: '#ffffff' },
  'program-table': { fill: '#e3a21a', ink: '#201800' },
  program: { fill: '#d8c7ea', ink: '#2a1540' },
  free: { fill: '#fafafa', ink: '#6b7280' },
}

const heatColours = [
  '#f3f4f6',
  '#fff3c4',
  '#fde08b',
  '#fcc65c',
  '#f9a63a',
  '#f1822a',
  '#dd5b22',
  '#b93a1e',
  '#8c2019',
  '#5a0f12',
] as const

const pageWidth = 1180
const margin = 40
const inner = pageWidth - 2 * margin
const address = 66
const strip = inner - address
const letterWidth = 6.6
/** Of a capital in the proportional font. */
const capitalWidth = 7.4
const finestRow = 4096
const mostRows = 40

const style = [
  'text{font:12px sans-serif;fill:#1f2933}',
  '.head{font:bold 22px sans-serif}',
  '.chapter{font:bold 16px sans-serif}',
  '.note{fill:#5b6472}',
  '.strong{font-weight:bold}',
  '.mono{font:12px monospace}',
  '.address{font:11px monospace;fill:#5b6472}',
  '.fn{font-size:11px}',
  '.small{font:10px sans-serif;fill:#5b6472}',
  '.label{font:11px monospace;pointer-events:none}',
  '.rule{stroke:#d5d9e0}',
  '.guide{stroke:#9aa3af;stroke-dasharray:3 3;fill:none}',
  '.edge{stroke:#ffffff;stroke-width:.5}',
  '.free{stroke:#c5cad3;stroke-width:.5}',
  '.heat{stroke:#ffffff;stroke-width:.5}',
  '.fn-reached{fill:#1b8a5a;stroke:#0f5d3b}',
  '.fn-dormant{fill:#e6f2ec;stroke:#1b8a5a}',
  '.fn-unnamed{fill:#ffffff;stroke:#9aa3af;stroke-dasharray:4 3}',
  '.ink-reached{fill:#ffffff}',
  '.ink-unnamed{fill:#5b6472}',
  '.bit-set{fill:#1f2933;stroke:#1f2933}',
  '.bit-clear{fill:#ffffff;stroke:#1f2933}',
  '.bit-one{font:bold 13px monospace;fill:#ffffff}',
  '.bit-zero{font:13px monospace}',
  '.journal-committed{fill:#1f6fb5;stroke:#0d3f6b}',
  '.journal-incomplete{fill:#ffffff;stroke:#a8324e;stroke-width:2}',
].join('')
