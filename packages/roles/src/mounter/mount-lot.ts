import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { errorTable, SealwrightError, StateError, UsageError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import type { PartyPorts } from '../ports/index.ts'
import { type DeliveredChip, type Delivery, readDelivery } from './delivery.ts'
import { discarded, mount, releaseSerial, reservedSerials } from './mount.ts'

export interface MountLotInput {
  /** What the mounter calls the chips, in the order in which they get their serial numbers. */
  readonly chips: readonly string[]
  power(chip: string): Promise<Transport>
  /** Serial numbers in the order in which they are given, 8 bytes each; what is left over stays free. */
  readonly serials: readonly Uint8Array[]
  readonly deliveryNote: Uint8Array
  /** What is printed on the support of a module. */
  print(serial: Uint8Array, chip: string): string
}

/** What became of one chip: the line of the test report. */
export interface MountRow {
  readonly chip: string
  /** `refused`: it was left as it is, for what it is. */
  readonly outcome: 'mounted' | 'discarded' | 'refused'
  readonly reason?: string
  readonly serial?: Uint8Array
  readonly print?: string
  /** It had its serial number before. */
  readonly already?: boolean
  readonly test?: boolean
  readonly delivered?: DeliveredChip
}

/**
 * Tests many chips and writes their serial numbers. A chip that fails is discarded, one of another delivery is left as it is, and its serial
 * number goes to the next. Serial numbers that come twice, or were given to chips that are not here, are a UsageError before anything is
 * written. Broken off and run again, it goes on where it was, and every chip keeps its number.
 */
export async function mountLot(ports: PartyPorts, input: MountLotInput): Promise<MountRow[]> {
  const { chips } = input
  const delivery = readDelivery(input.deliveryNote)
  const given = await givenSerials(ports, input)
  const thrownAway = new Map((await discarded(ports)).map(({ chip, reason }) => [chip, reason]))
  const taken = new Set(given.values())
  const free = input.serials.filter((serial) => !taken.has(encodeHex(serial)))
  const wanted = chips.filter((chip) => !given.has(chip) && !thrownAway.has(chip)).length
  if (free.length < wanted) {
    throw new UsageError(`there are ${free.length} free serial numbers for ${wanted} chips`)
  }
  const images = new Map<number, string>()
  const rows: MountRow[] = []
  for (const [i, chip] of chips.entries()) {
    const reason = thrownAway.get(chip)
    if (reason === undefined) {
      const own = given.get(chip)
      const serial = own === undefined ? free[0]! : decodeHex(own)
      const row = await mountOne(ports, input, { chip, serial, images, delivery })
      if (row.outcome === 'mounted' && own === undefined) free.shift()
      rows.push(row)
    } else rows.push({ chip, outcome: 'discarded', reason })
    if ((i + 1) % progressStep === 0) ports.progress(`${i + 1} of ${chips.length} chips`)
  }
  return rows
}

async function mountOne(
  ports: PartyPorts,
  { power, print }: MountLotInput,
  {
    chip,
    serial,
    images,
    delivery,
  }: { chip: string; serial: Uint8Array; images: Map<number, string>; delivery: Delivery },
): Promise<MountRow> {
  try {
    const text = print(serial, chip)
    const done = await mount(ports, {
      chip,
      power: () => power(chip),
      serial,
      deliveryNote: delivery,
      print: text,
      accept(index) {
        if (index === undefined) return
        const twin = images.get(index)
        if (twin !== undefined) {
          throw new StateError(`the chip ${twin} has the image ${index} of the lot too`, {
            code: 'wrong-lot',
          })
        }
        images.set(index, chip)
      },
    })
    if (done.outcome === 'discarded') {
      ports.progress(`${chip} discarded: ${done.reason}`)
      return { chip, ...done }
    }
    const { already, test, delivered } = done
    return { chip, outcome: 'mounted', serial, print: text, already, test, delivered }
  } catch (error) {
    if (!isOfChip(error)) throw error
    await releaseSerial(ports, serial)
    ports.progress(`${chip} refused: ${error.message}`)
    return { chip, outcome: 'refused', reason: error.message }
  }
}

/** The serial numbers that chips of these have already; refuses what cannot be given. */
async function givenSerials(
  ports: PartyPorts,
  { chips, serials }: Pick<MountLotInput, 'chips' | 'serials'>,
): Promise<Map<string, string>> {
  const here = new Set(chips)
  const once = new Set<string>()
  const reserved = await reservedSerials(ports)
  for (const serial of serials) {
    const hex = encodeHex(serial)
    if (once.has(hex)) throw new UsageError(`the serial number ${hex} comes twice`)
    once.add(hex)
    const other = reserved.get(hex)
    if (other !== undefined && !here.has(other)) {
      throw new UsageError(`the serial number ${hex} is given to the chip ${other} already`)
    }
  }
  const given = new Map<string, string>()
  for (const [hex, chip] of reserved) if (here.has(chip)) given.set(chip, hex)
  return given
}

/** Whether the chip was left as it is because of what it is; what is wrong here, or with the line, ends the work. */
function isOfChip(error: unknown): error is SealwrightError {
  if (!(error instanceof SealwrightError)) return false
  return error instanceof StateError
    ? errorTable[error.code].culprit !== 'environment'
    : errorTable[error.code].culprit === 'module'
}

const progressStep = 100
