import { encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { type ErrorCode, errorTable, SealwrightError, StateError, UsageError } from '@sealwright/core/errors'
import { nextLink } from '@sealwright/core/log'
import { checkModeMark, controlIds, type Memory, memoryMap, openMemory } from '@sealwright/module/eeprom'
import { Events } from '@sealwright/module/events'
import {
  areaOf,
  areaOfPage,
  type Geometry,
  pageSize,
  RamMedium,
  type Slots,
  totalPages,
} from '@sealwright/module/medium'
import { checkOtp } from '@sealwright/module/otp'
import { Definitions } from '@sealwright/module/resources'
import {
  type ChipKey,
  chipKeyCheck,
  type Examination,
  examine,
  type FindingKind,
  isFatal,
  PageSeal,
} from '@sealwright/module/seal'
import { onFile } from '../files/index.ts'
import { FileLock } from '../lock/index.ts'
import { checkLength, describeHeader, fileLength, headerLength, parseHeader } from './chip-header.ts'
import { findKeyFile, type OpenChipKey, readChipKey } from './chip-key.ts'
import { type ChipOptions, type ChipWorld, chipWorld } from './chip-world.ts'
import { parseFirstFormat } from './first-format.ts'
import { ramSlotsOf } from './whole-file.ts'

/** What a chip file is checked for, in this order, each with the question that it answers. */
export const chipChecks = {
  header: 'is it a whole chip file of a format that is read here',
  key: 'is there a key, and is it the one that the chip was sealed with',
  pages: 'is every page what the module wrote, for this place',
  seal: 'are they all of the same state of the memory',
  counter: 'is it the newest state, and does the counter prove itself',
  journal: 'is no transaction open',
  otp: 'do the one-time bits make a mode, and does EEPROM belong to them',
  rom: 'is the ROM image whole',
  directory: 'is the directory of EEPROM in order',
  events: 'does the chain of the events that are kept hold',
} as const

export type ChipCheck = keyof typeof chipChecks

export interface ChipFinding {
  readonly check: ChipCheck
  readonly verdict: 'good' | 'failed' | 'unverified'
  readonly text: string
}

/** A page that is not as it should be. */
export interface PageFinding {
  readonly kind: FindingKind
  readonly area: string
  readonly page: number
  /** Whose bytes are in it, where the directory can still be read. */
  readonly owners: readonly string[]
}

export interface Verification {
  readonly version: number | undefined
  readonly chipId: Uint8Array | undefined
  readonly findings: readonly ChipFinding[]
  readonly pages: readonly PageFinding[]
  /** The worst of it; undefined when everything was looked at and is good. */
  readonly code: ErrorCode | undefined
}

/**
 * Looks through a chip file and its key, and changes nothing: no lock is taken, nothing is healed. What cannot be checked is `unverified`.
 * StateError `memory-held` while another process has the chip.
 */
export function verifyChip(path: string, options: ChipOptions = {}): Verification {
  const world = chipWorld(options)
  const bytes = readStill(path, world)
  const report = new Report()
  try {
    const { version, geometry, chipId } = describeHeader(bytes.subarray(0, headerLength))
    report.version = version
    report.chipId = chipId
    if (chipId === undefined) {
      const { pages } = parseFirstFormat(bytes)
      report.add('header', 'good', `format version ${version}, ${bytes.length} bytes`)
      report.rest(
        `the file is of format version ${version}, which is not sealed: the checksums of its ${pages.size} pages hold, and anybody can make such a file; the first command that opens it makes it new`,
        'memory-unsealed',
      )
      return report.done()
    }
    checkLength(bytes.length, fileLength(geometry))
    report.add(
      'header',
      'good',
      `format version ${version}, ${bytes.length} bytes, chip ${encodeHex(chipId).toLowerCase()}`,
    )
    const key = keyOf(path, bytes, report, world)
    if (key === undefined) return report.done()
    try {
      checkMemory(bytes, geometry, { crypto: world.crypto, key: key.key, chipId }, key, report)
    } finally {
      key.close()
    }
  } catch (error) {
    if (!(error instanceof SealwrightError) || error.code === 'internal') throw error
    report.fail('header', error)
    report.rest('what the file holds is not known')
  }
  return report.done()
}

class Report {
  version: number | undefined
  chipId: Uint8Array | undefined
  readonly pages: PageFinding[] = []
  readonly #findings = new Map<ChipCheck, ChipFinding>()
  #code: ErrorCode | undefined

  add(check: ChipCheck, verdict: ChipFinding['verdict'], text: string, code?: ErrorCode): void {
    this.#findings.set(check, { check, verdict, text })
    if (verdict !== 'good') this.#code ??= code
  }

  fail(check: ChipCheck, { message, code }: SealwrightError): void {
    this.add(check, 'failed', message, code)
  }

  /** A check whose failing is told; what it answers is the text when it holds. */
  try(check: ChipCheck, work: () => string): void {
    try {
      this.add(check, 'good', work())
    } catch (error) {
      if (!(error instanceof SealwrightError)) throw error
      const code = errorTable[error.code].culprit === 'bytes' ? error.code : 'memory-damaged'
      this.add(check, 'failed', error.message, code)
    }
  }

  rest(reason: string, code?: ErrorCode): void {
    for (const check of Object.keys(chipChecks) as ChipCheck[]) {
      if (!this.#findings.has(check)) this.add(check, 'unverified', reason, code)
    }
  }

  done(): Verification {
    const findings = (Object.keys(chipChecks) as ChipCheck[]).map((check) => this.#findings.get(check)!)
    const { version, chipId, pages } = this
    return { version, chipId, findings, pages, code: this.#code }
  }
}

/** The key, or what is missing of it told in the report. */
function keyOf(path: string, bytes: Uint8Array, report: Report, world: ChipWorld): OpenChipKey | undefined {
  const { files, crypto, keys } = world
  const { chipId, keyCheck } = parseHeader(bytes.subarray(0, headerLength))
  let key: OpenChipKey
  try {
    key = readChipKey(findKeyFile(path, chipId, keys, files), chipId, {
      passphrase: keys.passphrase,
      crypto,
      files,
    })
  } catch (error) {
    if (!(error instanceof SealwrightError)) throw error
    const missing = error.code === 'chip-key-missing' || error.code === 'chip-passphrase-missing'
    report.add('key', missing ? 'unverified' : 'failed', error.message, error.code)
    report.rest('it cannot be checked without the key')
    return undefined
  }
  if (!equal(chipKeyCheck({ crypto, key: key.key, chipId }), keyCheck)) {
    report.add(
      'key',
      'failed',
      `${key.path} holds another key than the chip was sealed with`,
      'chip-key-differs',
    )
    report.rest('it cannot be checked without the key')
    key.close()
    return undefined
  }
  report.add(
    'key',
    'good',
    key.protection === 'bare' ? `${key.path}, not under a passphrase` : `${key.path}, under a passphrase`,
  )
  return key
}

function checkMemory(
  bytes: Uint8Array,
  geometry: Geometry,
  chip: ChipKey,
  key: OpenChipKey,
  report: Report,
): void {
  const slots = ramSlotsOf(bytes, geometry)
  const found = examine({ geometry, slots, cells: key.cells, chip })
  const plain = readable(slots, geometry, chip)
  const memory = attempt(() => openMemory(plain))
  const owners = memory === undefined ? () => [] : ownersIn(memory, geometry)
  for (const { kind, place, page } of found.findings) {
    if (page === undefined || place === undefined || place === 'counter') continue
    report.pages.push({ kind, area: place, page, owners: place === 'eeprom' ? owners(page) : [] })
  }
  checkSeal(found, report)
  if (memory === undefined) {
    report.rest('the pages that it stands on cannot be read')
    return
  }
  const { otp, nvm, objects, rom } = memory
  report.try('otp', () => {
    checkOtp(otp)
    checkModeMark(nvm)
    return `mode ${otp.test('mode-terminated') ? 'terminated' : otp.test('mode-user') ? 'user' : otp.test('mode-customization') ? 'customization' : 'issuer'}${otp.test('test') ? ', a test module' : ''}`
  })
  const count = rom.programs.length
  report.try('rom', () => `${rom.bytes.length} bytes, ${count === 1 ? '1 program' : `${count} programs`}`)
  report.try('directory', () => `${objects.list().length} objects, every byte of EEPROM has one owner`)
  report.try('events', () => eventsText(chip, memory))
}

/** Pages, seal, counter and journal, from what `examine` says. */
function checkSeal(
  { findings, interrupted, dropped, sealed, written, counter }: Examination,
  report: Report,
): void {
  const codes: Partial<Record<FindingKind, ErrorCode>> = {
    tampered: 'memory-tampered',
    stale: 'memory-stale',
    'rolled-back': 'memory-rolled-back',
    'counter-rolled-back': 'counter-rolled-back',
    'counter-damaged': 'counter-damaged',
  }
  const tell = (check: ChipCheck, kinds: readonly FindingKind[], good: string): void => {
    const bad = findings.filter((finding) => isFatal(finding) && kinds.includes(finding.kind))
    if (bad.length === 0) report.add(check, 'good', good)
    else report.add(check, 'failed', bad.map(({ reason }) => reason).join('; '), codes[bad[0]!.kind])
  }
  const torn = findings.filter(({ kind, place }) => kind === 'torn' && place !== 'counter')
  const healed = torn.length === 0 ? '' : `; ${torn.length} torn by a power cut, which the next start heals`
  tell('pages', ['tampered'], `${written} slots were written, and all are the module's${healed}`)
  tell('seal', ['stale'], `of commit ${sealed?.commit ?? '–'}`)
  const cell = findings.some(({ kind, place }) => kind === 'torn' && place === 'counter')
  tell(
    'counter',
    ['rolled-back', 'counter-rolled-back', 'counter-damaged'],
    `at commit ${counter.current?.commit ?? '–'}${counter.other === undefined ? '' : ', and at one that a replacement was to bring'}${cell ? '; one of its two cells was torn by a power cut' : ''}`,
  )
  report.add(
    'journal',
    'good',
    interrupted !== undefined
      ? `a transaction of ${interrupted.pages.length} pages waits for the next start, which carries it out`
      : dropped
        ? 'rests of a transaction that never counted, which the next start erases'
        : 'empty',
  )
}

/** The content of every page that authenticates; the others read as zeros. For looking only. */
function readable(slots: Slots, geometry: Geometry, chip: ChipKey): RamMedium {
  const seal = new PageSeal(chip)
  const pages = new Map<number, Uint8Array>()
  for (let page = 0; page < totalPages(geometry); page++) {
    const content = new Uint8Array(pageSize)
    if (
      slots.lend(page).some((byte) => byte !== 0) &&
      seal.open(page, slots.lend(page), content) !== undefined
    ) {
      pages.set(page, content)
    }
  }
  seal[Symbol.dispose]()
  return RamMedium.from({ geometry, pages, damaged: new Set() })
}

/** Whose bytes are in a page of EEPROM. */
function ownersIn({ objects, nvm }: Memory, geometry: Geometry): (page: number) => string[] {
  const segments = attempt(() => memoryMap(objects, new Definitions(nvm).segments())) ?? []
  const { first } = areaOf(geometry, 'eeprom')
  return (page) => {
    const start = (page - first) * pageSize
    if (areaOfPage(geometry, page).name !== 'eeprom') return []
    const inside = segments.filter(
      (one) => one.start < start + pageSize && one.end > start && one.owner !== 'free',
    )
    return [...new Set(inside.map(({ owner, name }) => `${owner}: ${name}`))]
  }
}

function eventsText({ crypto }: ChipKey, { objects }: Memory): string {
  const events = new Events(crypto, objects)
  const head = events.head()
  if (head === undefined) return 'the chain has not begun: the chip has no serial number'
  const serial = objects.read('control', controlIds.serial)
  const kept = events.list(1)
  const last = kept.at(-1)
  if (serial === undefined)
    throw new StateError('there are events, and no serial number', { code: 'memory-damaged' })
  if (head.number > 0 && (last?.number !== head.number || !equal(last.chain, head.chain))) {
    throw new StateError(`event ${head.number} is not the one that the head names`, {
      code: 'memory-damaged',
    })
  }
  for (const [i, event] of kept.entries()) {
    const before = kept[i - 1]
    if (before === undefined) continue
    const holds =
      event.number === before.number + 1 &&
      equal(nextLink(crypto, { ...event, serial, previous: before.chain }), event.chain)
    if (!holds)
      throw new StateError(`the chain does not hold at event ${event.number}`, { code: 'memory-damaged' })
  }
  return head.number === 0 ? 'none yet' : `${head.number}, of which ${kept.length} are kept`
}

/** The file as it is while nobody writes it. */
function readStill(path: string, { files }: ChipWorld): Uint8Array {
  if (!files.existsSync(path)) throw new UsageError(`there is no chip file ${path}`, { code: 'file-missing' })
  FileLock.refuseHeld(`${path}.lock`, 'memory-held')
  const read = (): Uint8Array => onFile(path, () => new Uint8Array(files.readFileSync(path)))
  const bytes = read()
  const again = read()
  FileLock.refuseHeld(`${path}.lock`, 'memory-held')
  if (!equal(bytes, again)) {
    wipe(bytes)
    throw new StateError(`${path} was written while it was read`, { code: 'memory-held' })
  }
  return bytes
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof SealwrightError) return undefined
    throw error
  }
}
