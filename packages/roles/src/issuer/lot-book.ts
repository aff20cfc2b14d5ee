import { encodeHex } from '@sealwright/core/bytes'
import { bundleEnding, outbox, serializeEntriesFile } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { type LotOutcome, type LotRow, parseLotRows, serializeLotRows } from './lot-row.ts'

/** What the book keeps at hand of each chip. */
export interface LotEntry {
  readonly outcome: LotOutcome
  /** 16 hex digits. */
  readonly serial: string | undefined
  readonly index: number | undefined
  readonly product: string | undefined
  readonly events: number | undefined
  /** Number of the file that has its row. */
  readonly file: number
}

/**
 * The issuer's record of a lot: rows in files of many, each written once and whole; a later row of a chip takes the place of an earlier one.
 * Entries for the log come first: a cut between the two leaves entries that are made again, and the first of each event counts.
 */
export class LotBook {
  readonly #ports: Pick<PartyPorts, 'store'>
  readonly #name: string
  readonly #chips = new Map<string, LotEntry>()
  #next: number

  private constructor(ports: Pick<PartyPorts, 'store'>, name: string, next: number) {
    this.#ports = ports
    this.#name = name
    this.#next = next
  }

  static async open(ports: Pick<PartyPorts, 'store'>, name: string): Promise<LotBook> {
    const files = (await ports.store.list(prefix(name))).map(numberOf)
    const bundles = (await ports.store.list(bundlePrefix(name))).map(numberOf)
    const book = new LotBook(ports, name, Math.max(0, ...files, ...bundles) + 1)
    for (const file of files) for (const row of await book.#read(file)) book.#note(row, file)
    return book
  }

  /** What is known of a chip, by its name. */
  chip(name: string): LotEntry | undefined {
    return this.#chips.get(name)
  }

  /** All chips, in the order in which they first came. */
  chips(): IterableIterator<[chip: string, entry: LotEntry]> {
    return this.#chips.entries()
  }

  /** Adds rows, and the signed entries of the same chips for the log. */
  async add(rows: readonly LotRow[], documents: readonly Uint8Array[]): Promise<void> {
    const file = this.#next++
    const { store } = this.#ports
    if (documents.length > 0) {
      await store.write(
        `${bundlePrefix(this.#name)}${digits(file)}${bundleEnding}`,
        serializeEntriesFile(documents),
      )
    }
    if (rows.length === 0) return
    await store.write(`${prefix(this.#name)}${digits(file)}.rows`, serializeLotRows(rows))
    for (const row of rows) this.#note(row, file)
  }

  /** The last row of every chip, by file: no more than one file's rows are at hand at a time. */
  async *rows(): AsyncGenerator<LotRow> {
    const files = [...new Set([...this.#chips.values()].map(({ file }) => file))].sort((a, b) => a - b)
    for (const file of files) {
      for (const row of await this.#read(file)) if (this.#chips.get(row.chip)?.file === file) yield row
    }
  }

  async #read(file: number): Promise<LotRow[]> {
    const bytes = await this.#ports.store.read(`${prefix(this.#name)}${digits(file)}.rows`)
    return bytes === undefined ? [] : parseLotRows(bytes)
  }

  #note({ chip, outcome, serial, index, product, events }: LotRow, file: number): void {
    const hex = serial === undefined ? undefined : encodeHex(serial)
    this.#chips.set(chip, { outcome, serial: hex, index, product, events, file })
  }
}

function prefix(name: string): string {
  return `lots/${name}/book/`
}

function bundlePrefix(name: string): string {
  return `${outbox}lot-${name}-`
}

function numberOf(file: string): number {
  return Number(/([0-9]{8})\.(rows|entries)$/.exec(file)?.[1] ?? 0)
}

function digits(number: number): string {
  return String(number).padStart(8, '0')
}
