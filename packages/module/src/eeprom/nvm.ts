import { copyBytes, equal, wipe } from '@sealwright/core/bytes'
import { InternalError, StateError, UsageError } from '@sealwright/core/errors'
import { Journal } from '../journal/index.ts'
import { areaOf, type Medium, pageSize, StorageFull } from '../medium/index.ts'
import { checkOtp, Otp, type OtpBit, otpBits, otpFollows, otpLength } from '../otp/index.ts'
import { controlVersion, modeMarkOffset, parseControlPage, serializeControlPage } from './control-page.ts'
import { type Zones, zonesOf } from './zones.ts'

/** The open transaction: valid only while the work it was given to runs. */
export interface Transaction {
  read(address: number, length: number): Uint8Array
  /** Reads into a place of the caller's, from `at` on. */
  copy(address: number, length: number, to: Uint8Array, at: number): void
  write(address: number, bytes: Uint8Array): void
  /** Overwrites with zeros. */
  erase(address: number, length: number): void
  /** Sets a bit for good. */
  setOtp(bit: OtpBit): void
}

/** What a committed transaction changed, for those who watch writes. */
export interface Commit {
  readonly writer: string
  readonly writes: readonly { readonly address: number; readonly length: number }[]
  readonly otp: readonly OtpBit[]
}

/** What a transaction writes through. */
interface TransactionWriter {
  readonly nvm: Nvm
  write(address: number, bytes: Uint8Array): void
  setOtp(bit: OtpBit): void
}

class OpenTransaction implements Transaction {
  readonly writes: { readonly address: number; readonly length: number }[] = []
  readonly otp: OtpBit[] = []
  #writer: TransactionWriter | undefined

  constructor(writer: TransactionWriter) {
    this.#writer = writer
  }

  read(address: number, length: number): Uint8Array {
    return this.#open().nvm.read(address, length)
  }

  copy(address: number, length: number, to: Uint8Array, at: number): void {
    this.#open().nvm.copy(address, length, to, at)
  }

  write(address: number, bytes: Uint8Array): void {
    const writer = this.#open()
    // Also one that fails half-way is to be taken back.
    this.writes.push({ address, length: bytes.length })
    writer.write(address, bytes)
  }

  erase(address: number, length: number): void {
    this.write(address, new Uint8Array(length))
  }

  setOtp(bit: OtpBit): void {
    const writer = this.#open()
    writer.setOtp(bit)
    this.write(modeMarkOffset, writer.nvm.otp.dump())
    this.otp.push(bit)
  }

  end(): void {
    this.#writer = undefined
  }

  #open(): TransactionWriter {
    if (this.#writer === undefined) throw new InternalError('the transaction has ended')
    return this.#writer
  }
}

/** Part of EEPROM, and whether its bytes are what they were when it was set. Before that it does not hold. */
export interface Watch {
  /** From now on. The bytes read after it are those that it stands for. */
  set(address: number, length: number): void
  holds(): boolean
  /** It is not asked again. */
  end(): void
}

class WatchedSpan implements Watch {
  readonly #notice: () => void
  readonly #forget: (watch: WatchedSpan) => void
  #start = 0
  #end = 0
  #holds = false

  constructor(notice: () => void, forget: (watch: WatchedSpan) => void) {
    this.#notice = notice
    this.#forget = forget
  }

  end(): void {
    this.#forget(this)
  }

  set(address: number, length: number): void {
    this.#notice()
    this.#start = address
    this.#end = address + length
    this.#holds = true
  }

  holds(): boolean {
    this.#notice()
    return this.#holds
  }

  touched(address: number, length: number): void {
    if (address < this.#end && address + length > this.#start) this.#holds = false
  }

  lost(): void {
    this.#holds = false
  }
}

/**
 * Non-volatile memory as the module's software sees it: EEPROM by address, OTP bits, and transactions over both.
 * While a transaction is open every read sees its writes.
 */
export class Nvm {
  readonly size: number
  readonly zones: Zones
  readonly otp: Otp
  /** Who writes now; the dispatcher sets it to the command or program, and every commit carries it. */
  writer = 'module'
  /** Called after each commit; must not throw. */
  onCommit: ((commit: Commit) => void) | undefined

  readonly #medium: Medium
  readonly #journal: Journal
  readonly #otpPage: number
  readonly #eepromFirst: number
  /** New content of the pages that the open transaction changed. */
  readonly #changed = new Map<number, Uint8Array>()
  #open: OpenTransaction | undefined
  /** Buffers of pages, all zeros, for the next transactions. */
  readonly #spare: Uint8Array[] = []
  #otpCopy: Uint8Array | undefined
  readonly #watches = new Set<WatchedSpan>()
  /** The medium's revision up to which the watches know what changed. */
  #seen = Number.NaN
  readonly #writer: TransactionWriter
  #failed = false

  private constructor(medium: Medium) {
    this.#medium = medium
    this.#journal = new Journal(medium)
    this.#otpPage = areaOf(medium.geometry, 'otp').first
    const eeprom = areaOf(medium.geometry, 'eeprom')
    this.#eepromFirst = eeprom.first
    this.size = eeprom.pages * pageSize
    this.zones = zonesOf(this.size)
    this.otp = new Otp(() => this.#otpBits())
    this.#writer = {
      nvm: this,
      write: (address, bytes) => this.#write(address, bytes),
      setOtp: (bit) => this.#setOtp(bit),
    }
  }

  /** Whether the medium holds a formatted EEPROM or a transaction that will make it one. */
  static formatted(medium: Medium): boolean {
    new Journal(medium).recover()
    return medium.read(areaOf(medium.geometry, 'eeprom').first).some((byte) => byte !== 0)
  }

  /** Lays the control page into an EEPROM that is blank. Anything else is a StateError. */
  static format(medium: Medium): Nvm {
    if (Nvm.formatted(medium)) throw new StateError('the EEPROM is formatted already')
    const nvm = new Nvm(medium)
    nvm.transaction((tx) => {
      const blank = { version: controlVersion, eepromSize: nvm.size, modeMark: new Uint8Array(otpLength) }
      tx.write(0, serializeControlPage(blank))
    })
    return nvm
  }

  /**
   * Opens what is there: finishes or drops an interrupted transaction, then checks that every page can be read.
   * Throws PageDamaged, or DecodeError when the control page is none.
   */
  static open(medium: Medium): Nvm {
    const nvm = new Nvm(medium)
    nvm.#journal.recover()
    for (const name of ['otp', 'eeprom'] as const) {
      const { first, pages } = areaOf(medium.geometry, name)
      for (let page = first; page < first + pages; page++) medium.lend(page)
    }
    const control = parseControlPage(nvm.read(0, pageSize))
    if (control.eepromSize !== nvm.size) {
      throw new StateError(`the EEPROM has ${nvm.size} bytes, its control page says ${control.eepromSize}`, {
        code: 'memory-damaged',
      })
    }
    return nvm
  }

  /** The bytes at an address, copied. Outside EEPROM is a UsageError. */
  read(address: number, length: number): Uint8Array {
    this.#check(address, length)
    const out = new Uint8Array(length)
    this.copy(address, length, out, 0)
    return out
  }

  /** Reads into a place of the caller's, from `at` on. */
  copy(address: number, length: number, to: Uint8Array, at: number): void {
    this.#check(address, length)
    this.#usable()
    for (let done = 0; done < length; ) {
      const offset = (address + done) % pageSize
      const part = Math.min(pageSize - offset, length - done)
      const page = this.#page(this.#pageOf(address + done))
      copyBytes(page, offset, part, to, at + done)
      done += part
    }
  }

  /**
   * Watches bytes for a change by a write, by one taken back, or by whatever changed the medium below. Every write asks each watch:
   * there are few of them.
   */
  watch(): Watch {
    const watch = new WatchedSpan(
      () => this.#notice(),
      (ended) => this.#watches.delete(ended),
    )
    this.#watches.add(watch)
    return watch
  }

  /**
   * Runs work and commits what it wrote; when it throws, nothing has happened. On return everything is durable.
   * Synchronous, and not nested: a transaction inside a transaction is an InternalError.
   */
  transaction<T>(work: (tx: Transaction) => T): T {
    this.#usable()
    if (this.#open !== undefined) throw new InternalError('a transaction inside a transaction')
    this.#notice()
    const tx = new OpenTransaction(this.#writer)
    this.#open = tx
    let committed = false
    try {
      const result = work(tx)
      if (result instanceof Promise) throw new InternalError('a transaction cannot wait')
      this.#commit()
      committed = true
      this.onCommit?.({ writer: this.writer, writes: tx.writes, otp: tx.otp })
      return result
    } finally {
      tx.end()
      this.#open = undefined
      if (tx.otp.length > 0) this.#otpCopy = undefined
      if (!committed) for (const { address, length } of tx.writes) this.#touch(address, length)
      if (this.#changed.size > 0) {
        for (const page of this.#changed.values()) this.#giveBack(page)
        this.#changed.clear()
      }
    }
  }

  #setOtp(bit: OtpBit): void {
    const n = otpBits[bit]
    const before = (otpFollows as Partial<Record<OtpBit, OtpBit>>)[bit]
    if (before !== undefined && !this.otp.test(before)) {
      throw new InternalError(`one-time memory: ${bit} before ${before}`)
    }
    this.#writable(this.#otpPage)[n >> 3]! |= 1 << (n & 7)
  }

  #commit(): void {
    const changed = this.#changed
    for (const [page, bytes] of changed) {
      if (!equal(bytes, this.#medium.lend(page))) continue
      this.#giveBack(bytes)
      changed.delete(page)
    }
    if (changed.size === 0) return
    this.#notice()
    try {
      this.#journal.commit(changed)
      // What this programmed was told to the watches write by write.
      this.#seen = this.#medium.revision
    } catch (error) {
      // Whether it was committed is not known here: only recovery can tell.
      this.#failed = !(error instanceof StorageFull)
      throw error
    }
  }

  #write(address: number, bytes: Uint8Array): void {
    this.#check(address, bytes.length)
    for (let at = 0; at < bytes.length; ) {
      const offset = (address + at) % pageSize
      const part = Math.min(pageSize - offset, bytes.length - at)
      const page = this.#pageOf(address + at)
      const piece = bytes.subarray(at, at + part)
      // What stands there already changes nothing, and costs no copy of a page.
      if (!equal(this.#page(page).subarray(offset, offset + part), piece)) {
        this.#touch(address + at, part)
        this.#writable(page).set(piece, offset)
      }
      at += part
    }
  }

  #touch(address: number, length: number): void {
    for (const watch of this.#watches) watch.touched(address, length)
  }

  /** Whoever else changed the medium, and where, is not known: nothing holds any more. */
  #notice(): void {
    const { revision } = this.#medium
    if (revision === this.#seen) return
    this.#seen = revision
    this.#otpCopy = undefined
    for (const watch of this.#watches) watch.lost()
  }

  #writable(page: number): Uint8Array {
    let bytes = this.#changed.get(page)
    if (bytes === undefined) {
      bytes = this.#spare.pop() ?? new Uint8Array(pageSize)
      bytes.set(this.#medium.lend(page))
      this.#changed.set(page, bytes)
    }
    return bytes
  }

  /** A page's new content is overwritten; a few buffers are kept for the next ones. */
  #giveBack(bytes: Uint8Array): void {
    wipe(bytes)
    if (this.#spare.length < 4) this.#spare.push(bytes)
  }

  /** Bits are set by transactions only: the page as it was read last stands until one sets some. */
  #otpBits(): Uint8Array {
    this.#usable()
    if (this.#changed.has(this.#otpPage)) return this.#page(this.#otpPage)
    this.#otpCopy ??= this.#medium.read(this.#otpPage)
    return this.#otpCopy
  }

  /** Lent: not to be written to. */
  #page(page: number): Uint8Array {
    return (this.#changed.size > 0 ? this.#changed.get(page) : undefined) ?? this.#medium.lend(page)
  }

  #pageOf(address: number): number {
    return this.#eepromFirst + Math.floor(address / pageSize)
  }

  #check(address: number, length: number): void {
    const whole = Number.isInteger(address) && Number.isInteger(length)
    if (!whole || address < 0 || length < 0 || address + length > this.size) {
      throw new UsageError(`${length} bytes at address ${address} lie outside an EEPROM of ${this.size}`)
    }
  }

  #usable(): void {
    if (this.#failed) throw new StateError('the memory failed during a write: the module must start again')
  }
}

/**
 * What boot does: opens the EEPROM, a blank one after formatting it, and refuses OTP bits
 * that no step leads to or that the EEPROM does not belong to.
 */
export function openNvm(medium: Medium): Nvm {
  const nvm = Nvm.formatted(medium) ? Nvm.open(medium) : Nvm.format(medium)
  checkOtp(nvm.otp)
  checkModeMark(nvm)
  return nvm
}

/** Refuses an EEPROM whose mode mark is not the OTP's: an old image put under a newer OTP. */
export function checkModeMark(nvm: Nvm): void {
  const { modeMark } = parseControlPage(nvm.read(0, pageSize))
  if (!equal(modeMark, nvm.otp.dump())) {
    throw new StateError('EEPROM and one-time memory do not belong together', { code: 'memory-rolled-back' })
  }
}
