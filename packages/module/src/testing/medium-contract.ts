import { equal } from '@sealwright/core/bytes'
import { areaOf, type Geometry, geometryFor, type Medium, pageSize } from '../medium/index.ts'

/** Makes a fresh medium with a ROM; `reopen` gives what is there after power was switched off in order. */
export interface MediumMaker {
  make(geometry: Geometry, rom: Uint8Array): Medium
  reopen(medium: Medium): Medium
}

/** What every medium must do, one check each: run them over each implementation. */
export const mediumContract: readonly { readonly title: string; check(maker: MediumMaker): void }[] = [
  {
    title: 'a page never written reads as zeros',
    check: (maker) => {
      const { medium, eeprom } = fresh(maker)
      expect(equal(medium.read(eeprom), new Uint8Array(pageSize)), 'zeros')
    },
  },
  {
    title: 'a programmed page is there after power was off',
    check: (maker) => {
      const { medium, eeprom } = fresh(maker)
      medium.program(eeprom + 3, page(0xa5))
      medium.sync()
      const reopened = maker.reopen(medium)
      expect(equal(reopened.read(eeprom + 3), page(0xa5)), 'the page')
      expect(equal(reopened.read(eeprom + 2), page(0)), 'its neighbour untouched')
    },
  },
  {
    title: 'what read returned and program took are copies',
    check: (maker) => {
      const { medium, eeprom } = fresh(maker)
      const bytes = page(1)
      medium.program(eeprom, bytes)
      bytes.fill(2)
      medium.read(eeprom).fill(3)
      expect(equal(medium.read(eeprom), page(1)), 'the page as programmed')
    },
  },
  {
    title: 'what is lent is the page, and its revision is another one after each program',
    check: (maker) => {
      const { medium, eeprom } = fresh(maker)
      const seen = new Set<number>()
      for (const value of [0, 1, 1, 2]) {
        if (value > 0) medium.program(eeprom, page(value))
        expect(!seen.has(medium.revision), `a new revision after ${seen.size} programs`)
        seen.add(medium.revision)
        expect(equal(medium.lend(eeprom), page(value)), 'the page')
        expect(equal(medium.lend(eeprom + 1), page(0)), 'its neighbour')
        expect(seen.has(medium.revision), 'no new revision for reading')
      }
      refused(() => medium.lend(-1), 'usage')
    },
  },
  {
    title: '[D8a] an OTP bit that is set cannot be cleared',
    check: (maker) => {
      const { medium, otp } = fresh(maker)
      medium.program(otp, page(0x03))
      refused(() => medium.program(otp, page(0x01)), 'internal')
      refused(() => medium.program(otp, page(0x04)), 'internal')
      medium.sync()
      const reopened = maker.reopen(medium)
      refused(() => reopened.program(otp, page(0)), 'internal')
      expect(equal(reopened.read(otp), page(0x03)), 'the bits as they were')
      reopened.program(otp, page(0x07))
      expect(equal(reopened.read(otp), page(0x07)), 'a bit more')
    },
  },
  {
    title: 'ROM reads as masked and is never programmed',
    check: (maker) => {
      const { medium, rom } = fresh(maker)
      refused(() => medium.program(rom, page(0)), 'internal')
      refused(() => medium.program(rom + 1, page(0)), 'internal')
      expect(medium.read(rom)[0] === 0x5a && medium.read(rom + 1)[43] === 0x5a, 'the ROM image')
      expect(medium.read(rom + 1)[44] === 0, 'zeros behind it')
    },
  },
  {
    title: 'a wrong length and a page outside are refused',
    check: (maker) => {
      const { medium, eeprom, rom } = fresh(maker)
      refused(() => medium.program(eeprom, new Uint8Array(255)), 'usage')
      refused(() => medium.program(eeprom, new Uint8Array(257)), 'usage')
      refused(() => medium.read(rom + 2), 'usage')
      refused(() => medium.read(-1), 'usage')
      refused(() => medium.read(0.5), 'usage')
    },
  },
]

function fresh(maker: MediumMaker) {
  const geometry = geometryFor(32 * 1024, 300)
  const medium = maker.make(geometry, new Uint8Array(300).fill(0x5a))
  const first = (name: 'otp' | 'eeprom' | 'rom'): number => areaOf(geometry, name).first
  return { medium, otp: first('otp'), eeprom: first('eeprom'), rom: first('rom') }
}

function page(value: number): Uint8Array {
  return new Uint8Array(pageSize).fill(value)
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`expected ${what}`)
}

function refused(work: () => void, code: string): void {
  let thrown: unknown
  try {
    work()
  } catch (error) {
    thrown = error
  }
  if ((thrown as { code?: unknown } | undefined)?.code !== code) {
    throw new Error(`expected a refusal with code ${code}, got ${String(thrown)}`)
  }
}
