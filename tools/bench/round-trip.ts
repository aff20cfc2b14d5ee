/**
 * How long one command takes to and fro: the same module in this process, behind a TCP port, and as a card in a virtual reader, with and
 * without the cure for vpcd's delay (docs/SPEC has it under readers); beside it jCardSim in the same reader software in the same run.
 * In time that passes, for most of it is waiting.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import type { Transport } from '@sealwright/core/ports'
import { nodeCrypto } from '@sealwright/node/crypto'
import { createChip } from '@sealwright/node/medium'
import { connectTcp, inProcess, openReader } from '@sealwright/node/transport'
import { Readers, readerName, whyNoReaders } from '../../packages/node/test/readers/index.ts'
import { wat } from '../../packages/node/test/wat.ts'
import { jCardSim } from './jcardsim.ts'
import { lifeUpTo, powered } from './lives.ts'
import { startModuleOnTcp } from './module-process.ts'

/** A module that runs, wherever it is. */
interface Card {
  connect(): Promise<Transport>
  /** After its transport was closed. */
  stop(): Promise<void>
}

/** A way to a card. */
interface Carrier {
  readonly name: string
  readonly commands: readonly TripName[]
  /** Trips of each command in a round. */
  readonly trips: number
  /** Why it is not to be had on this machine. */
  readonly missing?: string | undefined
  /** All cards are inserted before the first is connected: who looks for a card in one reader would wait for the one that holds another. */
  insert(): Promise<Card>
}

export type TripName = 'GET DATA 0045' | 'SELECT' | 'application selected' | 'hello'

export interface RoundTrips {
  readonly carrier: string
  readonly command: TripName
  readonly trips: number
  /** Microseconds: half of the trips were faster, and 95 of 100. */
  readonly median: number
  readonly p95: number
}

export interface Missing {
  readonly carrier: string
  readonly missing: string
}

/** Both cards through the same pcscd, in the same run. */
export const modulePath = 'pcscd and vpcd with the cure'
export const simulatorPath = 'jCardSim, pcscd and vpcd with the cure'

/** What ours and jCardSim's program answer to the same command. */
const greeting = 'Hello world !'
const applicationId = decodeHex('F053570101')
const commands: Readonly<Record<TripName, Uint8Array>> = {
  'GET DATA 0045': decodeHex('00CA004500'),
  SELECT: decodeHex('00A4040000'),
  'application selected': concat(decodeHex('00A40400'), Uint8Array.of(applicationId.length), applicationId),
  hello: decodeHex('8001000000'),
}
const ours: readonly TripName[] = ['GET DATA 0045', 'SELECT', 'application selected', 'hello']
/** Before a command is measured, the one that leads to where it belongs. */
const before: Partial<Record<TripName, TripName>> = {
  'GET DATA 0045': 'SELECT',
  hello: 'application selected',
}

const hello = wat(`(module (import "io" "output" (func $output (param i32 i32))) (memory 1)
  (data (i32.const 0) "${greeting}")
  (func (export "process") (call $output (i32.const 0) (i32.const ${greeting.length}))))`)

/** Measures every carrier that is there, all of them in each round. */
export async function measureRoundTrips(rounds: number): Promise<readonly (RoundTrips | Missing)[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-bench-'))
  const there: {
    readonly carrier: Carrier
    readonly card: Card
    readonly times: ReadonlyMap<TripName, number[]>
    transport?: Transport
  }[] = []
  const readers: Readers[] = []
  try {
    const carriers = await carriersOf(folder, readers)
    const missing: Missing[] = []
    for (const carrier of carriers) {
      if (carrier.missing !== undefined) {
        missing.push({ carrier: carrier.name, missing: carrier.missing })
        continue
      }
      const times = new Map(carrier.commands.map((name): [TripName, number[]] => [name, []]))
      there.push({ carrier, card: await carrier.insert(), times })
    }
    for (const one of there) one.transport = await one.card.connect()
    // Some rounds more for the compilers, not counted.
    for (let round = -5; round < rounds; round++) {
      for (const { carrier, transport, times } of there) {
        for (const name of carrier.commands) {
          const seen = await timeTrips(transport!, name, carrier.trips)
          if (round >= 0) times.get(name)!.push(...seen)
        }
      }
    }
    const measured = there.flatMap(({ carrier, times }) =>
      [...times].map(([command, all]) => summary(carrier.name, command, all)),
    )
    return [...measured, ...missing]
  } finally {
    for (const { card, transport } of there) {
      await transport?.close()
      await card.stop()
    }
    for (const one of readers) await one.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function timeTrips(transport: Transport, name: TripName, count: number): Promise<number[]> {
  const first = before[name]
  if (first !== undefined) await trip(transport, first)
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const begun = process.hrtime.bigint()
    await trip(transport, name)
    times.push(Number(process.hrtime.bigint() - begun) / 1000)
  }
  return times
}

async function trip(transport: Transport, name: TripName): Promise<void> {
  const answer = await transport.transmit(commands[name])
  if (answer.at(-2) !== 0x90) throw new Error(`${name}: refused with ${encodeHex(answer)}`)
  if (name === 'hello' && answer.length !== greeting.length + 2)
    throw new Error(`hello: ${encodeHex(answer)}`)
}

function summary(carrier: string, command: TripName, times: readonly number[]): RoundTrips {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  return { carrier, command, trips: times.length, median: at(0.5), p95: at(0.95) }
}

/** @param started readers that are to be stopped at the end */
async function carriersOf(folder: string, started: Readers[]): Promise<readonly Carrier[]> {
  const life = await lifeUpTo(nodeCrypto, 'run', hello)
  const chipFile = (name: string): string => {
    const path = join(folder, `${name}.chip`)
    const { geometry, pages } = life.chips.get('phone')!.snapshot()
    createChip(path, { geometry, pages })
    return path
  }
  const noReaders = whyNoReaders()
  const start = async (cure: boolean): Promise<Readers> => {
    const one = await Readers.start({ cure })
    started.push(one)
    return one
  }
  let cured: Promise<Readers> | undefined
  const sharedReaders = (): Promise<Readers> => {
    cured ??= start(true)
    return cured
  }
  const inReader = async (readers: Readers, name: string): Promise<Card> => {
    const running = await readers.insert(chipFile(name))
    return {
      connect: () => openReader(readerName(), { socket: readers.socket }),
      stop: async () => void (await running.stop()),
    }
  }
  const simulator = jCardSim(folder)
  return [
    {
      name: 'in process',
      commands: ours,
      trips: 500,
      insert: async () => ({
        connect: async () => inProcess(powered(life, 'phone')),
        stop: async () => {},
      }),
    },
    {
      name: 'over TCP',
      commands: ours,
      trips: 200,
      async insert() {
        const { port, stop } = await startModuleOnTcp(chipFile('tcp'))
        return { connect: () => connectTcp('127.0.0.1', port), stop }
      },
    },
    {
      name: 'pcscd and vpcd as Debian has it',
      commands: ours,
      trips: 2,
      missing: noReaders,
      insert: async () => inReader(await start(false), 'delayed'),
    },
    {
      name: modulePath,
      commands: ours,
      trips: 100,
      missing: noReaders,
      insert: async () => inReader(await sharedReaders(), 'cured'),
    },
    {
      name: simulatorPath,
      commands: ['application selected', 'hello'],
      trips: 100,
      missing: noReaders ?? simulator.missing,
      async insert() {
        const readers = await sharedReaders()
        const stop = await simulator.insert(readers, applicationId)
        return {
          async connect() {
            const transport = await openReader(readerName(1), { socket: readers.socket })
            await simulator.install(transport, applicationId)
            return transport
          },
          stop,
        }
      },
    },
  ]
}
