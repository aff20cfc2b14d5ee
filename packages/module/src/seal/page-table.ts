import { ascii, concat, u32 } from '@sealwright/core/bytes'
import { labels } from '@sealwright/core/catalog'
import type { AesKey, Crypto } from '@sealwright/core/ports'
import { type Geometry, totalPages } from '../medium/index.ts'
import type { CommitMark } from './commit-mark.ts'
import { writeU64 } from './number.ts'
import { type SealedPage, tagLength } from './page-seal.ts'
import type { Sums } from './seal-state.ts'

/** A page that holds an earlier content than the seal says. */
export interface StalePage {
  readonly page: number
  /** The commit that it holds; 0: never written. */
  readonly seen: number
  /** The commit that wrote it last. */
  readonly last: number
}

/**
 * Tag, commit and count of writes of every page that the seal covers: all but the journal's. Pages never written count as zeros.
 * Tags are hashed in groups, so that a transaction hashes again only those that it touched.
 */
export class PageTable {
  readonly pages: number
  readonly #crypto: Crypto
  readonly #key: AesKey
  readonly #chipId: Uint8Array
  readonly #sizes: Uint8Array
  readonly #tags: Uint8Array
  readonly #commits: Float64Array
  readonly #writes: Uint32Array
  readonly #digests: Uint8Array
  readonly #changed = new Set<number>()
  #sums: Sums = [0n, 0n, 0n]

  /** @param key the root key, which stays the caller's */
  constructor(
    geometry: Geometry,
    { crypto, chipId, key }: { crypto: Crypto; chipId: Uint8Array; key: AesKey },
  ) {
    const pages = totalPages(geometry)
    this.pages = pages
    this.#crypto = crypto
    this.#key = key
    this.#chipId = chipId
    // Whoever moves the border between two areas moves every address behind it.
    const { otpPages, eepromPages, journalPages, romPages } = geometry
    this.#sizes = concat(...[otpPages, eepromPages, journalPages, romPages].map(u32))
    const groups = Math.ceil(pages / groupPages)
    this.#tags = new Uint8Array(groups * groupLength)
    this.#commits = new Float64Array(pages)
    this.#writes = new Uint32Array(pages)
    this.#digests = new Uint8Array(groups * digestLength)
    for (let group = 0; group < groups; group++) this.#changed.add(group)
  }

  set(page: number, { tag, commit, writes }: SealedPage): void {
    this.#tags.set(tag, page * tagLength)
    this.#changed.add(Math.floor(page / groupPages))
    this.#sums = added(this.#sums, page, commit - this.#commits[page]!)
    this.#commits[page] = commit
    this.#writes[page] = writes
  }

  commitOf(page: number): number {
    return this.#commits[page]!
  }

  writesOf(page: number): number {
    return this.#writes[page]!
  }

  /** Only the journal's pages are counted without being covered. */
  countWrite(page: number, writes: number): void {
    this.#writes[page] = writes
  }

  /** The sums, those pages left out. */
  sums(without: readonly number[] = []): Sums {
    return without.reduce((sums, page) => added(sums, page, -this.#commits[page]!), this.#sums)
  }

  /**
   * CMAC over label ‖ chip ‖ pages of OTP, EEPROM, journal, ROM ‖ commit ‖ id ‖ the groups' digests ‖ `bound`, 16 bytes.
   * @param without pages that count as never written
   */
  root(mark: CommitMark, without: readonly number[] = [], bound: Uint8Array = none): Uint8Array {
    for (const group of this.#changed) this.#digest(group, this.#groupTags(group))
    this.#changed.clear()
    const groups = new Set(without.map((page) => Math.floor(page / groupPages)))
    for (const group of groups) {
      const tags = this.#groupTags(group).slice()
      for (const page of without) {
        const at = (page - group * groupPages) * tagLength
        if (at >= 0 && at < groupLength) tags.fill(0, at, at + tagLength)
      }
      this.#digest(group, tags)
      this.#changed.add(group)
    }
    const number = new Uint8Array(8)
    writeU64(number, 0, mark.commit)
    return this.#key.cmac(label, this.#chipId, this.#sizes, number, mark.id, this.#digests, bound)
  }

  /** The one page whose commit is not the one that the sums are made of; undefined: none, or more than one. */
  stalePage(expected: Sums, newest: number, without: readonly number[] = []): StalePage | undefined {
    const actual = this.sums(without)
    const [d0, d1, d2] = expected.map((sum, i) => BigInt.asUintN(64, sum - actual[i]!)) as [
      bigint,
      bigint,
      bigint,
    ]
    if (d0 === 0n || d0 > BigInt(newest) || d1 % d0 !== 0n) return undefined
    const page = Number(d1 / d0) - 1
    if (page < 0 || page >= this.pages || without.includes(page)) return undefined
    if (!equalSums([d0, d1, d2], added([0n, 0n, 0n], page, Number(d0)))) return undefined
    const seen = this.commitOf(page)
    const last = seen + Number(d0)
    return last <= newest ? { page, seen, last } : undefined
  }

  /** The first page that a later commit wrote. */
  newerThan(commit: number, without: readonly number[] = []): number | undefined {
    const page = this.#commits.findIndex((one, page) => one > commit && !without.includes(page))
    return page < 0 ? undefined : page
  }

  #groupTags(group: number): Uint8Array {
    return this.#tags.subarray(group * groupLength, (group + 1) * groupLength)
  }

  #digest(group: number, tags: Uint8Array): void {
    this.#digests.set(this.#crypto.sha256(tags), group * digestLength)
  }
}

function added([s0, s1, s2]: Sums, page: number, difference: number): Sums {
  const v = BigInt(difference)
  const n = BigInt(page + 1)
  return [BigInt.asUintN(64, s0 + v), BigInt.asUintN(64, s1 + n * v), BigInt.asUintN(64, s2 + n * n * v)]
}

function equalSums(a: Sums, b: Sums): boolean {
  return a.every((sum, i) => sum === b[i])
}

const groupPages = 64
const groupLength = groupPages * tagLength
const digestLength = 32
const label = ascii(labels.sealRoot.text)
const none = new Uint8Array(0)
