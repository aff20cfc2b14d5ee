import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { portableCrypto } from '@sealwright/core/crypto'
import { scriptedEntropy } from '@sealwright/core/testing'
import { openNvm } from '@sealwright/module/eeprom'
import { geometryFor, type Medium, RamMedium } from '@sealwright/module/medium'
import { layOutRom, serializeRom } from '@sealwright/module/rom'
import { ChipFile } from '@sealwright/node/medium'
import { readMemoryMap } from '../src/pictures/memory-map.ts'
import { memorySvg } from '../src/pictures/memory-svg.ts'
import { memoryText } from '../src/pictures/memory-text.ts'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

const work = mkdtempSync(join(tmpdir(), 'sealwright-map-'))
after(() => rmSync(work, { recursive: true }))
const serial = '00000000000000A1'
const args = ['module', 'map', '--module', 'a.chip']

before(async () => {
  mkdirSync(join(work, 'exchange'))
  for (const line of [
    'init .',
    'issuer mask fleet --out exchange/fleet.mask',
    'manufacturer produce exchange/fleet.mask a.chip --delivery-note exchange/fleet.note',
    `mounter mount --module a.chip --serial ${serial} --delivery-note exchange/fleet.note`,
    'issuer unlock --module a.chip --mask fleet',
  ]) {
    const { status, stderr } = await commandLine(work, line.split(' '))
    assert.equal(status, 0, `${line}\n${stderr}`)
  }
})

/** A copy of the chip that lost power at its n-th sync of one transaction. */
function interrupted(name: string, syncs: number): string {
  for (const end of ['', '.key']) copyFileSync(join(work, `a.chip${end}`), join(work, `${name}${end}`))
  const chip = ChipFile.open(join(work, name))
  try {
    let left = syncs
    const cut = new Proxy<Medium>(chip.medium, {
      get: (medium, key) => {
        const value = Reflect.get(medium, key, medium) as unknown
        if (key === 'sync' && left-- <= 0) throw new Error('power lost')
        return typeof value === 'function' ? value.bind(medium) : value
      },
    })
    const nvm = openNvm(cut)
    const { start } = nvm.zones.resources
    assert.throws(() => nvm.transaction((tx) => tx.write(start, Uint8Array.of(1, 2, 3))), /power lost/)
  } finally {
    chip.close()
  }
  return name
}

test('the map as data: ROM and EEPROM without a gap, functions by vectors, bits, journal, write counts', async () => {
  const { json } = await commandLineJson(work, args)
  assert.equal(json['serial'], serial)
  assert.equal(json['mode'], 'customization')
  for (const [segments, size] of [
    [json['segments'], json['size']],
    [json['rom'].segments, 256 * Math.ceil(json['rom'].length / 256)],
  ]) {
    let at = 0
    for (const { start, end } of segments) {
      assert.equal(start, at)
      at = end
    }
    assert.equal(at, size)
  }
  const show = (await commandLineJson(work, ['module', 'show', '--module', 'a.chip'])).json
  // GET DATA lists the vectors in force too.
  assert.deepEqual(
    json['vectors']
      .filter((row: JsonObject) => row['inForce'])
      .map((row: JsonObject) => [row['ins'], row['function']]),
    show['vectors'].map((row: JsonObject) => [Number.parseInt(row['ins'], 16), row['function']]),
  )
  const native = (command: string): JsonObject =>
    json['rom'].natives.find((one: JsonObject) => one['command'] === command)
  assert.deepEqual(native('GET DATA')['vectors'], [0xca])
  assert.deepEqual([native('WRITE SERIAL')['vectors'], native('WRITE SERIAL')['dormant']], [[], [0x34]])
  assert.deepEqual([native('OPERATE')['vectors'], native('OPERATE')['dormant']], [[], []])
  assert.deepEqual(
    json['otp'].bits.filter((one: JsonObject) => one['set']).map((one: JsonObject) => one['name']),
    ['mode-customization'],
  )
  assert.deepEqual(json['otp'].spare, { count: 250, set: [] })
  assert.equal(json['journal'].state, 'empty')
  const { eeprom, journal, rom } = json['writes']
  assert.equal(eeprom.length, json['size'] / 256)
  assert.ok(eeprom[0] > 0 && journal[0] > eeprom[0] && eeprom.at(-1) === 0)
  assert.ok(rom.every((times: number) => times === 1))
})

test('a transaction in flight is told, with the pages it is over, and is still in flight afterwards', async () => {
  const chip = interrupted('cut.chip', 1)
  const bytes = readFileSync(join(work, chip))
  for (let twice = 0; twice < 2; twice++) {
    const { json } = await commandLineJson(work, ['module', 'map', '--module', chip])
    assert.equal(json['journal'].state, 'committed')
    assert.deepEqual(json['journal'].used, [0])
    assert.deepEqual(json['journal'].pages, [{ area: 'eeprom', page: json['size'] / 2 / 256 }])
  }
  const { stdout } = await commandLine(work, ['module', 'map', '--module', chip])
  assert.match(
    stdout.replaceAll('\n', ' '),
    /in flight in 1 of its pages, over 1 page of the memory: eeprom 020000\./,
  )
  await commandLine(work, ['module', 'map', '--module', chip, '--svg', 'cut.svg'])
  assert.match(
    readFileSync(join(work, 'cut.svg'), 'utf8'),
    /journal-committed.*journal page 0: part of a transaction/s,
  )
  assert.deepEqual(readFileSync(join(work, chip)), bytes)
  // The next power-up ends it.
  await commandLine(work, ['module', 'show', '--module', chip])
  const { json } = await commandLineJson(work, ['module', 'map', '--module', chip])
  assert.equal(json['journal'].state, 'empty')
})

test('the SVG is one well-formed document without anything from elsewhere, the same for the same chip', async () => {
  const { status, stdout } = await commandLine(work, [...args, '--svg', 'a.svg'])
  assert.deepEqual([status, stdout], [0, 'picture of the memory: a.svg\n'])
  const svg = readFileSync(join(work, 'a.svg'), 'utf8')
  requireWellFormed(svg)
  assert.doesNotMatch(svg, /<script|href|url\((?!#)|@import|<image|<foreignObject|\son[a-z]+=/i)
  assert.equal(svg.match(/https?:[^"]*/g)?.join(), 'http://www.w3.org/2000/svg')
  for (const told of [`Module ${serial}`, 'GET DATA', 'client: encrypted-image 0', 'mode-customization'])
    assert.ok(svg.includes(told), told)
  const bytes = readFileSync(join(work, 'a.chip'))
  assert.equal((await commandLine(work, [...args, '--svg', 'b.svg'])).status, 0)
  assert.equal(readFileSync(join(work, 'b.svg'), 'utf8'), svg)
  assert.deepEqual(readFileSync(join(work, 'a.chip')), bytes)
})

test('what is no chip file or would overwrite something is refused, and nothing is written', async () => {
  writeFileSync(join(work, 'taken.svg'), 'somebody’s')
  writeFileSync(join(work, 'no.chip'), 'not a chip')
  for (const [words, code] of [
    [[...args, '--svg', 'taken.svg'], 'file-exists'],
    [[...args, '--svg', 'a.chip'], 'file-exists'],
    [['module', 'map', '--module', 'none.chip', '--svg', 'x.svg'], 'file-missing'],
    [['module', 'map', '--module', 'exchange', '--svg', 'x.svg'], 'file-missing'],
    [['module', 'map', '--module', 'no.chip', '--svg', 'x.svg'], 'bytes-malformed'],
    [['module', 'map', '--module', 'tcp:127.0.0.1:1', '--svg', 'x.svg'], 'usage'],
    [['module', 'map', '--svg', 'x.svg'], 'usage'],
  ] as const) {
    const { status, json } = await commandLineJson(work, words)
    assert.notEqual(status, 0, words.join(' '))
    assert.equal(json['error']?.code, code, words.join(' '))
  }
  assert.equal(readFileSync(join(work, 'taken.svg'), 'utf8'), 'somebody’s')
  assert.throws(() => readFileSync(join(work, 'x.svg')), { code: 'ENOENT' })
})

test('a memory of 4 MiB stays legible: equal rows are told once, however much of it is used', () => {
  const image = serializeRom(
    layOutRom({
      test: false,
      eepromSize: 4 * 1024 * 1024,
      clientKey: new Uint8Array(65).fill(4),
      bootVectors: [],
      nativeEntries: [1],
      programs: [],
    }),
  )
  const medium = new RamMedium(geometryFor(4 * 1024 * 1024, image.length), image)
  const world = { medium, crypto: portableCrypto, entropy: scriptedEntropy('map') }
  const empty = readMemoryMap(world)
  assert.equal(empty.writes, undefined)
  const scattered = {
    ...empty,
    segments: empty.segments.flatMap((one) =>
      one.owner !== 'free' || one.end - one.start < 1 << 20
        ? [one]
        : Array.from({ length: 512 }, (_, i) => {
            const step = (one.end - one.start) / 512
            const start = one.start + Math.round(i * step)
            const end = one.start + Math.round((i + 1) * step)
            return { start, end, owner: i % 2 === 0 ? 'customer' : 'free', name: `key ${i}` }
          }),
    ),
    writes: {
      otp: [1],
      eeprom: Array.from({ length: 16_384 }, (_, page) => page % 7),
      journal: new Array<number>(empty.journal.size / 256).fill(3),
      rom: [1],
    },
  }
  for (const map of [empty, scattered]) {
    const svg = memorySvg(map)
    requireWellFormed(svg)
    const height = Number(/height="([0-9]+)"/.exec(svg)![1])
    assert.ok(height < 4000, `${height} points high`)
    assert.match(svg, /3FFFFF/)
  }
  assert.match(memorySvg(empty), /this medium does not count/)
  const lines = memoryText(empty, 80)
  assert.ok(lines.length < 100, `${lines.length} lines`)
  assert.ok(lines.every((line) => line.length <= 100))
  assert.ok(lines.includes('Not counted by this medium.'))
})

test('names in the picture cannot become markup', () => {
  const medium = new RamMedium(geometryFor(32_768, 256), serializedRom())
  const map = readMemoryMap({ medium, crypto: portableCrypto, entropy: scriptedEntropy('map') })
  const name = '<script>alert("1")</script>&\u0000\ud800'
  const svg = memorySvg({
    ...map,
    product: name,
    segments: map.segments.map((one) => ({ ...one, name })),
  })
  requireWellFormed(svg)
  assert.ok(!svg.includes('<script') && !svg.includes('\u0000') && svg.isWellFormed())
})

function serializedRom(): Uint8Array {
  return serializeRom(
    layOutRom({
      test: false,
      eepromSize: 32_768,
      clientKey: new Uint8Array(65).fill(4),
      bootVectors: [],
      nativeEntries: [1],
      programs: [],
    }),
  )
}

/** Every element ends where it should, and no `<` or `&` stands for itself. */
function requireWellFormed(svg: string): void {
  const open: string[] = []
  const rest = svg.replace(
    /<(\/?)([a-z]+)((?: [a-zA-Z][a-zA-Z0-9:-]*="[^"<]*")*)(\/?)>/g,
    (_, end, name, _attributes, empty) => {
      if (end !== '') assert.equal(open.pop(), name)
      else if (empty === '') open.push(name)
      return ''
    },
  )
  assert.deepEqual(open, [])
  assert.doesNotMatch(rest, /[<>]/)
  assert.doesNotMatch(svg, /&(?!(amp|lt|gt|quot);)/)
}
