import { decodeHex, encodeHex, equal } from '@sealwright/core/bytes'
import type { LotCertificate } from '@sealwright/core/customization'
import { StateError, UsageError } from '@sealwright/core/errors'
import type { CertificateRecord, ChipClaim, LotCrew, PartyPorts } from '../ports/index.ts'
import { LotBook, type LotEntry } from './lot-book.ts'
import { type LotChipDone, renewPapers } from './lot-chip.ts'
import type { LotOutcome, LotRow } from './lot-row.ts'
import { isLot, lotRootName } from './lots.ts'

/** One chip for a crew: its name, and what is known of it. */
export interface LotJob {
  readonly chip: string
  readonly row?: LotRow
  /** The certificate that there is for it, DER. */
  readonly certificate?: Uint8Array
}

export interface LotInput {
  readonly lot: string
  /** Names of the chips that are here. */
  readonly chips: readonly string[]
  /** Does `customizeLotChip`, `finishLotChip` or `completeLotChip` with each. */
  readonly crew: LotCrew<LotJob, LotChipDone>
}

export interface CustomizeLot extends LotInput {
  /** Name of the product. */
  readonly product: string
  /** The manufacturer's root certificate, DER: one for the lot. */
  readonly manufacturerRoot: Uint8Array
  /** The serial numbers that the mounter delivered, hex; all others are refused. Any, when absent. */
  readonly serials?: ReadonlySet<string>
  /** Whether the papers of a module that was customized before are still there. */
  hasPapers(serial: Uint8Array): Promise<boolean>
  givePapers(serial: Uint8Array, papers: Uint8Array): Promise<void>
}

export interface FinishLot extends LotInput {
  /** Identity certificates by serial number in hex. */
  readonly certificates: ReadonlyMap<string, Uint8Array>
  /** The product has no certificates (B22). */
  readonly identical?: boolean
}

export interface CompleteLot extends CustomizeLot {
  readonly certificates: CertificateRecord
}

/** What a run did, and what is still to do. */
export interface LotRun {
  /** Chips of this run by their outcome. */
  readonly done: Readonly<Record<LotOutcome, number>>
  /** Chips that an earlier run had done. */
  readonly before: number
  /** Chips that are here and not customized yet; only of `finishLot`. */
  readonly missed: number
}

/**
 * Unlocks and customizes the chips of a lot. A chip that cannot be done does not stop the others; one that was done stays as it is. Broken
 * off anywhere and run again, it goes on where it was: nothing is lost, nothing is done twice.
 */
export async function customizeLot(ports: PartyPorts, input: CustomizeLot): Promise<LotRun> {
  const { chips } = input
  const { book, claim } = await beginCustomizing(ports, input)
  const open = chips.filter((name) => !isDone(book.chip(name)))
  return run(ports, input, book, {
    jobs: open.map((chip) => ({ chip })),
    total: open.length,
    before: chips.length - open.length,
    claim,
  })
}

/** Finishes the customized chips of a lot, irreversibly, each with its certificate. As above for chips that cannot be done. */
export async function finishLot(ports: PartyPorts, input: FinishLot): Promise<LotRun> {
  const { lot, chips, certificates, identical = false } = input
  await requireLot(ports, lot)
  const book = await LotBook.open(ports, lot)
  const claims = new Claims(chips, book)
  const here = new Set(chips)
  const claim = (one: ChipClaim): string | undefined => claims.take(one)
  async function* jobs(): AsyncGenerator<LotJob> {
    for await (const row of book.rows()) {
      if (!isOpen(row) || !here.has(row.chip)) continue
      const certificate = certificates.get(encodeHex(row.serial!))
      if (certificate === undefined && !identical) {
        await book.add([{ ...row, outcome: 'failed', reason: 'there is no certificate for it' }], [])
        continue
      }
      yield { chip: row.chip, row, ...(certificate === undefined ? {} : { certificate }) }
    }
  }
  const total = chips.filter((name) => isOpen(book.chip(name))).length
  const before = chips.filter((name) => book.chip(name)?.outcome === 'finished').length
  return run(ports, input, book, { jobs: jobs(), total, before, claim })
}

/**
 * Takes the chips of a lot from their order to user mode, irreversibly, each in one go: for issuers who have the manufacturer at hand. Chips
 * that were customized before are finished. As above for chips that cannot be done, and for runs that were broken off.
 */
export async function completeLot(ports: PartyPorts, input: CompleteLot): Promise<LotRun> {
  const { chips, certificates } = input
  const { book, claim } = await beginCustomizing(ports, input)
  const open = chips.filter((name) => book.chip(name)?.outcome !== 'finished')
  async function* jobs(): AsyncGenerator<LotJob> {
    for (const chip of open) {
      const serial = book.chip(chip)?.serial
      const certificate = serial === undefined ? undefined : await certificates.read(decodeHex(serial))
      yield { chip, ...(certificate === undefined ? {} : { certificate }) }
    }
  }
  return run(ports, input, book, {
    jobs: jobs(),
    total: open.length,
    before: chips.length - open.length,
    claim(one) {
      // A chip that nobody unlocked has a key that nobody certified.
      if (one.blank && certificates.has(one.serial)) {
        return `the serial number ${encodeHex(one.serial)} was certified already, for another chip`
      }
      return claim(one)
    },
    async accept(done) {
      const { row, certificate } = done
      if (certificate === undefined || row.serial === undefined) return done
      const issued = certificates.has(row.serial) ? await certificates.read(row.serial) : undefined
      if (issued === undefined || equal(issued, certificate)) return done
      const reason = 'its identity certificate is not the one that was issued for its serial number'
      return { row: { ...row, outcome: 'refused', reason }, documents: [] }
    },
    keep: (done) => certificates.keep(done),
  })
}

/** Every chip of a lot as it was last seen, file by file. */
export async function* lotRows(
  ports: Pick<PartyPorts, 'store' | 'vault'>,
  lot: string,
): AsyncGenerator<LotRow> {
  await requireLot(ports, lot)
  const book = await LotBook.open(ports, lot)
  yield* book.rows()
}

/** Opens the book, and refuses what does not go with what stands in it. */
async function beginCustomizing(
  ports: PartyPorts,
  input: CustomizeLot,
): Promise<{ readonly book: LotBook; claim(claim: ChipClaim): string | undefined }> {
  const { lot, chips, product, serials } = input
  await requireLot(ports, lot)
  const book = await LotBook.open(ports, lot)
  for (const name of chips) {
    const entry = book.chip(name)
    if (entry !== undefined && isDone(entry) && entry.product !== product) {
      throw new UsageError(`the chip ${name} was customized as ${entry.product} before, not as ${product}`)
    }
  }
  await keepRoot(ports, lot, input.manufacturerRoot)
  await renewLostPapers(ports, input, book)
  const claims = new Claims(chips, book)
  return {
    book,
    claim(claim) {
      const serial = encodeHex(claim.serial)
      if (serials !== undefined && !serials.has(serial)) {
        return `the serial number ${serial} is not among those that were delivered`
      }
      return claims.take(claim)
    },
  }
}

async function run(
  ports: PartyPorts,
  { crew, chips }: LotInput,
  book: LotBook,
  {
    jobs,
    total,
    before,
    claim,
    accept = async (done) => done,
    keep = async () => {},
  }: {
    readonly jobs: Iterable<LotJob> | AsyncIterable<LotJob>
    readonly total: number
    readonly before: number
    claim(claim: ChipClaim): string | undefined
    /** Looks at what a chip tells before it is recorded. */
    accept?(done: LotChipDone): Promise<LotChipDone>
    /** Records certificates that chips have now. */
    keep?(certificates: readonly LotCertificate[]): Promise<void>
  },
): Promise<LotRun> {
  const done: Record<LotOutcome, number> = { customized: 0, finished: 0, refused: 0, discarded: 0, failed: 0 }
  let rows: LotRow[] = []
  let documents: Uint8Array[] = []
  let certificates: LotCertificate[] = []
  let count = 0
  const flush = async (): Promise<void> => {
    const [full, signed, certified] = [rows, documents, certificates]
    rows = []
    documents = []
    certificates = []
    await keep(certified)
    await book.add(full, signed)
  }
  try {
    await crew.work(jobs, claim, async (result) => {
      const { row, certificate, documents: signed } = await accept(result)
      rows.push(row)
      if (certificate !== undefined && row.serial !== undefined)
        certificates.push({ serial: row.serial, certificate })
      documents.push(...signed)
      done[row.outcome]++
      count++
      if (row.reason !== undefined) ports.progress(`${row.chip} ${row.outcome}: ${row.reason}`)
      if (count % progressStep === 0) ports.progress(`${count} of ${total} chips`)
      if (rows.length >= rowsInFile) await flush()
    })
  } finally {
    await flush()
  }
  return { done, before, missed: chips.length - total - before }
}

/** Serial numbers and images that a chip has already: of a lot, each belongs to one. */
class Claims {
  readonly #serials = new Map<string, string>()
  readonly #indices = new Map<number, string>()
  /** Of chips that were unlocked, and are not here by that name: given away, or under another name. */
  readonly #goneSerials = new Map<string, string>()
  readonly #goneIndices = new Map<number, string>()

  constructor(chips: readonly string[], book: LotBook) {
    const here = new Set(chips)
    for (const [name, { serial, index, events }] of book.chips()) {
      if (serial === undefined || events === undefined) continue
      const [serials, indices] = here.has(name)
        ? [this.#serials, this.#indices]
        : [this.#goneSerials, this.#goneIndices]
      serials.set(serial, name)
      if (index !== undefined && index > 0) indices.set(index, name)
    }
  }

  take({ chip, serial, index, blank }: ChipClaim): string | undefined {
    const hex = encodeHex(serial)
    // A chip that has another name now is not blank any more.
    if (blank && this.#goneSerials.has(hex))
      return `the chip ${this.#goneSerials.get(hex)}, unlocked before and not here, had the serial number ${hex}`
    if (blank && this.#goneIndices.has(index))
      return `the chip ${this.#goneIndices.get(index)}, unlocked before and not here, had the image ${index} of the lot`
    const other = this.#serials.get(hex)
    if (other !== undefined && other !== chip) return `the chip ${other} has the serial number ${hex} too`
    const twin = index === 0 ? undefined : this.#indices.get(index)
    if (twin !== undefined && twin !== chip) return `the chip ${twin} has the image ${index} of the lot too`
    this.#serials.set(hex, chip)
    if (index > 0) this.#indices.set(index, chip)
    return undefined
  }
}

async function requireLot(ports: Pick<PartyPorts, 'vault'>, lot: string): Promise<void> {
  if (!(await isLot(ports, lot))) {
    throw new StateError(`there is no lot named ${lot}: make it with \`sealwright issuer lot new\``)
  }
}

/** One lot has one manufacturer. */
async function keepRoot({ store }: PartyPorts, lot: string, root: Uint8Array): Promise<void> {
  const kept = await store.read(lotRootName(lot))
  if (kept === undefined) return store.write(lotRootName(lot), root)
  if (!equal(kept, root)) throw new UsageError(`the lot ${lot} was begun with another root of a manufacturer`)
}

/** Papers that got lost are made again: they come from the lot's secret. */
async function renewLostPapers(
  ports: PartyPorts,
  { lot, chips, product, hasPapers, givePapers }: CustomizeLot,
  book: LotBook,
): Promise<void> {
  for (const name of chips) {
    const entry = book.chip(name)
    if (entry?.serial === undefined || !isDone(entry)) continue
    const serial = decodeHex(entry.serial)
    if (await hasPapers(serial)) continue
    await renewPapers(ports, { lot, serial, product, givePapers })
  }
}

/** Customized, and not yet finished. */
function isOpen(
  entry: (Pick<LotEntry, 'outcome'> & { readonly events?: number | undefined }) | undefined,
): boolean {
  return entry?.events !== undefined && entry.outcome !== 'finished'
}

function isDone(entry: LotEntry | undefined): boolean {
  return entry?.outcome === 'customized' || entry?.outcome === 'finished'
}

/** Rows that a file of the book has: what is lost at most when the process is killed, and then told by the chips. */
const rowsInFile = 64

const progressStep = 100
