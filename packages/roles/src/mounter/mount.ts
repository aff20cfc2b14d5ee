import { encodeHex, equal } from '@sealwright/core/bytes'
import { eventTypes, selfTestResults, statusWords } from '@sealwright/core/catalog'
import { isTestModule, parseChipStatus, parseSelfTest } from '@sealwright/core/customization'
import { errorTable, RefusedError, SealwrightError, StateError, UsageError } from '@sealwright/core/errors'
import { chainStart, type LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { type Channel, plain } from '../channel/index.ts'
import { recordEvent } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { type DeliveredChip, type Delivery, readDelivery } from './delivery.ts'

export interface MountInput {
  /** What the mounter calls the chip, in its lists. */
  readonly chip: string
  /** Powers the chip up. */
  power(): Promise<Transport>
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** The manufacturer's delivery note: the chip is compared with it, and it begins the record of the module's life. */
  readonly deliveryNote: Uint8Array | Delivery
  /** Hears which image of a lot the chip carries, before anything is written; it throws to leave the chip as it is. */
  accept?(index: number | undefined): void
  /** What is printed on the support. */
  readonly print?: string
}

export type Mounted =
  | {
      readonly outcome: 'mounted'
      readonly serial: Uint8Array
      /** The serial number was written before. */
      readonly already: boolean
      /** The chip is a test module. */
      readonly test: boolean
      /** What the chip was delivered with. */
      readonly delivered: DeliveredChip
      readonly entry: LogEntry
    }
  | { readonly outcome: 'discarded'; readonly reason: string }

/**
 * Tests a chip, writes its serial number and notes what to print. A chip that fails the electrical test is discarded and listed. The
 * mounter has no key and needs none.
 */
export async function mount(ports: PartyPorts, input: MountInput): Promise<Mounted> {
  const delivery =
    input.deliveryNote instanceof Uint8Array ? readDelivery(input.deliveryNote) : input.deliveryNote
  if (input.serial.length !== 8 || input.serial.every((byte) => byte === 0)) {
    throw new UsageError('a serial number has 8 bytes that are not all zero')
  }
  await reserveSerial(ports, input)
  let transport: Transport
  try {
    transport = await input.power()
  } catch (error) {
    if (!isDefect(error)) throw error
    return discard(ports, input, error.message)
  }
  try {
    return await mountPowered(ports, plain(transport), input, delivery)
  } finally {
    await transport.close()
  }
}

async function mountPowered(
  ports: PartyPorts,
  channel: Channel,
  input: MountInput,
  delivery: Delivery,
): Promise<Mounted> {
  const { serial, print } = input
  // A chip whose test failed at power-up answers nothing else.
  const failure = await selfTest(channel)
  if (failure !== undefined) return discard(ports, input, failure)
  const status = parseChipStatus(await channel.send('CHIP STATUS'))
  const delivered = delivery.chip(status)
  input.accept?.(delivered.index)
  if (status.mode !== 'issuer') throw new StateError(`the chip is in ${status.mode} mode, expected issuer`)
  if (status.triesLeft === 0) {
    return discard(ports, input, 'scrap: somebody has used up all tries of the unlocking data')
  }
  const already = status.serial !== undefined
  if (status.serial !== undefined && !equal(status.serial, serial)) {
    throw new StateError(`the chip has the serial number ${encodeHex(status.serial)} already`)
  }
  if (!already) await channel.send('WRITE SERIAL', { data: serial })
  const { crypto, store } = ports
  const entry = await recordEvent(
    ports,
    {
      previous: chainStart(crypto, delivered.romDigest, delivered.imageDigest),
      serial,
      number: 1,
      type: eventTypes['serial-written'].code,
      digest: crypto.sha256(serial),
    },
    // The log and the passport tell from these what the chain starts with.
    { rom: delivered.romDigest, image: delivered.imageDigest },
  )
  if (print !== undefined) {
    await store.write(`print-orders/${encodeHex(serial).toLowerCase()}.txt`, utf8.encode(`${print}\n`))
  }
  return { outcome: 'mounted', serial, already, test: isTestModule(status), delivered, entry }
}

/** Chips that were discarded, with the reason, in the order of their names. */
export async function discarded({ store }: PartyPorts): Promise<{ chip: string; reason: string }[]> {
  const names = await store.list(discardedPrefix)
  return Promise.all(
    names.map(async (name) => {
      const [chip = '', reason = ''] = new TextDecoder()
        .decode((await store.read(name)) ?? new Uint8Array(0))
        .split('\n')
      return { chip, reason }
    }),
  )
}

/** What is wrong, or undefined when the chip is good. */
async function selfTest(channel: Channel): Promise<string | undefined> {
  try {
    const { result } = parseSelfTest(await channel.send('SELF TEST'))
    return result === 'good' ? undefined : `the self-test says: ${selfTestResults[result].meaning}`
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    // A chip without this command is none that waits to be mounted: its mode says so.
    return error.statusWord === statusWords['instruction-not-supported'].sw ? undefined : error.message
  }
}

/** A serial number belongs to one chip; the intent is stored before it is written. */
async function reserveSerial({ store }: PartyPorts, { chip, serial }: MountInput): Promise<void> {
  const name = serialName(serial)
  const owner = await store.read(name)
  if (owner === undefined) return store.write(name, utf8.encode(chip))
  const other = new TextDecoder().decode(owner)
  if (other !== chip) {
    throw new UsageError(`the serial number ${encodeHex(serial)} is given to the chip ${other} already`)
  }
}

/** Lists the chip; its serial number is free for another one. */
async function discard(
  { crypto, store }: PartyPorts,
  { chip, serial }: MountInput,
  reason: string,
): Promise<Mounted> {
  const id = encodeHex(crypto.sha256(utf8.encode(chip)).subarray(0, 8)).toLowerCase()
  await store.write(`${discardedPrefix}${id}.txt`, utf8.encode(`${chip}\n${reason}\n`))
  await store.remove(serialName(serial))
  return { outcome: 'discarded', reason }
}

/** Chips by the serial numbers that are theirs, 16 hex digits. */
export async function reservedSerials({ store }: Pick<PartyPorts, 'store'>): Promise<Map<string, string>> {
  const reserved = new Map<string, string>()
  for (const name of await store.list(serialPrefix)) {
    const chip = await store.read(name)
    if (chip === undefined) continue
    reserved.set(name.slice(serialPrefix.length).toUpperCase(), new TextDecoder().decode(chip))
  }
  return reserved
}

/** Gives a serial number back that no chip has taken. */
export function releaseSerial({ store }: Pick<PartyPorts, 'store'>, serial: Uint8Array): Promise<void> {
  return store.remove(serialName(serial))
}

function serialName(serial: Uint8Array): string {
  return `${serialPrefix}${encodeHex(serial).toLowerCase()}`
}

/** A chip that does not come up: its memory is not what it should be. */
function isDefect(error: unknown): error is SealwrightError {
  return (
    error instanceof SealwrightError &&
    error.code.startsWith('memory-') &&
    errorTable[error.code].culprit === 'bytes'
  )
}

const serialPrefix = 'serials/'
const discardedPrefix = 'discarded/'
const utf8 = new TextEncoder()
