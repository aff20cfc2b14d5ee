import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ascii, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { parseChipStatus } from '@sealwright/core/customization'
import { StateError, UsageError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { FailedModule } from '@sealwright/module'
import { isMemoryFailure } from '@sealwright/module/self-test'
import {
  type ByteStream,
  defaultBaud,
  inProcess,
  listenTcp,
  type ModuleFile,
  openSerialPort,
  serialSettings,
  serveLine,
} from '@sealwright/node/transport'
import {
  defaultAtr,
  insertCard,
  type VirtualCard,
  type VpcdEvent,
  vpcdHost,
  vpcdPort,
} from '@sealwright/node/vpcd'
import { plain } from '@sealwright/roles/channel'
import type { Command } from 'commander'
import {
  baudOf,
  type Context,
  checksumOf,
  type OpenModule,
  type SerialAddress,
  type Step,
  toJson,
} from '../framework/index.ts'

export function registerRun(module: Command, context: Context): void {
  context.verb(module, {
    name: 'run <file>',
    summary: 'put a module into a virtual reader, behind a TCP port or on a serial line, until stopped',
    about:
      "Powers the module in a chip file up and lets other programs talk to it: as a card in the virtual reader of vsmartcard's vpcd, which every PC/SC program sees (--vpcd), behind a TCP port, for --module tcp:HOST:PORT of other commands (--tcp), or at the end of a serial line, for --module serial:DEVICE?baud=N of commands at the other end (--serial). It holds the chip file meanwhile. A chip whose electrical test fails is put in as well: it answers SELF TEST with what failed, and nothing else. Where pcscd is not running, or goes away, or the serial adapter is unplugged, it waits and comes back by itself. ^C or SIGTERM takes the card out and ends with 0. With --json each event is one line on standard output.",
    reads: ['FILE: the chip file'],
    chips: 'one',
    writes: ['FILE: whatever the commands change, before each answer leaves'],
    examples: [
      'module run card.chip --vpcd',
      'module run card.chip --vpcd 127.0.0.1:35964 --trace card.trace',
      'module run card.chip --tcp',
      'module run card.chip --serial /dev/ttyUSB0 --baud 9600',
    ],
    options: [
      {
        flags: '--vpcd [host:port]',
        text: `as a card in vpcd's reader (default ${vpcdHost}:${vpcdPort}, its slot 0)`,
      },
      {
        flags: '--tcp [host:port]',
        text: `behind a TCP port (default ${tcpHost}:${tcpPort}; port 0: any free one)`,
      },
      {
        flags: '--serial <device>',
        text: 'on a serial line: blocks of ISO/IEC 7816-3 T=1, 8 bits, no parity, no flow control',
      },
      { flags: '--baud <n>', text: `speed of the serial line (default ${defaultBaud})` },
      {
        flags: '--checksum <kind>',
        text: 'of blocks on the serial line: crc (default) or lrc, the same at both ends',
      },
      { flags: '--atr <hex>', text: `what the reader shows of the card (default ${encodeHex(defaultAtr)})` },
      { flags: '--trace <file>', text: 'append all APDUs, decoded, keys masked' },
    ],
    run,
  })
}

const tcpHost = '127.0.0.1'
const tcpPort = 7816
const longestAtr = 33
const lookMs = 500

async function run(step: Step): Promise<undefined> {
  const vpcd = address(step, 'vpcd', vpcdHost, vpcdPort)
  const tcp = address(step, 'tcp', tcpHost, tcpPort)
  const serial = serialOf(step)
  if ([vpcd, tcp, serial].filter((face) => face !== undefined).length !== 1)
    throw new UsageError('name one of --vpcd, --tcp and --serial')
  const atr = atrOf(step)
  const file = step.argument(0)
  // Before the chip: where there is no line nothing is touched.
  const stream = serial === undefined ? undefined : await openSerialPort(serial.device, { baud: serial.baud })
  const { card, serialNumber } = await openedOrLetGo(stream, () =>
    openChip(step, file, tcp === undefined && stream?.direct !== false),
  )
  const stopped = new AbortController()
  const calm = step.terminal.onStop?.(() => stopped.abort())
  const start = (face: 'vpcd' | 'tcp' | 'serial', where: string): void =>
    tell(step, { event: 'started', module: file, serial: serialNumber, face, where })
  try {
    if (vpcd !== undefined) {
      start('vpcd', `${vpcd.host}:${vpcd.port}`)
      await insertCard(card, { ...vpcd, atr, signal: stopped.signal, onEvent: (event) => tell(step, event) })
    } else if (tcp !== undefined) {
      start('tcp', `${tcp.host}:${tcp.port}`)
      await serve(step, card, tcp, stopped)
    } else if (serial !== undefined && stream !== undefined) {
      start('serial', serial.device)
      await serveSerial(step, card, stream, serial, stopped.signal)
    }
  } finally {
    calm?.()
  }
  tell(step, { event: 'stopped' })
}

/** The chip as a reader gets it, told whether its line is direct. One whose electrical test failed waits for commands too, and says so to SELF TEST. */
async function openChip(
  step: Step,
  file: string,
  direct: boolean,
): Promise<{ card: VirtualCard; serialNumber?: string }> {
  let traced: OpenModule
  try {
    traced = await step.openModule(file)
  } catch (error) {
    if (!isMemoryFailure(error)) throw error
    tell(step, { event: 'failed', module: file, reason: error.message })
    return { card: new FailedModule(error) }
  }
  const { inside } = traced
  if (inside === undefined) throw new UsageError(`${file}: expected a chip file`)
  inside.directLine = direct
  const serialNumber = await serialNumberOf(inside)
  // Without a trace an answer leaves in the same turn of the event loop in which its command came.
  const card: VirtualCard = {
    transmit: step.optional('trace') === undefined ? (command) => inside.transmit(command) : traced.transmit,
    reset: () => inside.reset(),
  }
  return serialNumber === undefined ? { card } : { card, serialNumber }
}

/** Until stopped, one connection at a time; ends with what the card threw. */
async function serve(step: Step, card: VirtualCard, where: Address, stopped: AbortController): Promise<void> {
  let defect: unknown
  const open = (): Transport => {
    tell(step, { event: 'connected' })
    return {
      async transmit(command) {
        try {
          return await card.transmit(command)
        } catch (error) {
          defect ??= error
          stopped.abort()
          throw error
        }
      },
      async close() {
        card.reset()
        tell(step, { event: 'disconnected' })
      },
    }
  }
  const listener = await listenTcp(open, where)
  tell(step, { event: 'listening', where: `${where.host}:${listener.port}` })
  if (!stopped.signal.aborted) await once(stopped.signal, 'abort')
  await listener.close()
  if (defect !== undefined) throw defect
}

async function openedOrLetGo<T>(stream: ByteStream | undefined, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    await stream?.close()
    throw error
  }
}

/** Until stopped. A line that is not there at the start is an error; one that goes away later is waited for. */
async function serveSerial(
  step: Step,
  card: VirtualCard,
  opened: ByteStream,
  { device, baud, checksum }: SerialAddress,
  signal: AbortSignal,
): Promise<void> {
  let stream = opened
  while (!signal.aborted) {
    tell(step, { event: 'listening', where: device })
    const lost = await serveLine(stream, card, {
      settings: { ...serialSettings(baud), detection: checksum },
      historical: ascii('Sealwright'),
      signal,
      onReset: () => tell(step, { event: 'reset' }),
    })
    if (lost === undefined) return
    tell(step, { event: 'waiting', reason: lost.message })
    const found = await foundAgain(device, baud, signal)
    if (found === undefined) return
    stream = found
  }
  await stream.close()
}

/** The line when it is there again; undefined when stopped before. */
async function foundAgain(device: string, baud: number, signal: AbortSignal) {
  while (!signal.aborted) {
    await sleep(lookMs, undefined, { signal }).catch(() => {})
    try {
      if (!signal.aborted) return await openSerialPort(device, { baud })
    } catch (error) {
      if (!(error instanceof StateError)) throw error
    }
  }
  return undefined
}

type RunEvent =
  | VpcdEvent
  | {
      readonly event: 'started'
      readonly module: string
      readonly serial: string | undefined
      readonly face: 'vpcd' | 'tcp' | 'serial'
      readonly where: string
    }
  /** The electrical test failed: the card answers that, and nothing else. */
  | { readonly event: 'failed'; readonly module: string; readonly reason: string }
  | { readonly event: 'listening'; readonly where: string }
  /** A program at the other end of the serial line has begun, or is done: it cannot be told which. */
  | { readonly event: 'connected' | 'disconnected' | 'reset' | 'stopped' }

/** The event as a line for people, and with --json as one for programs. */
function tell(step: Step, event: RunEvent): void {
  if (step.json) step.terminal.print(toJson(event))
  step.terminal.say(textOf(event))
}

function textOf(event: RunEvent): string {
  switch (event.event) {
    case 'started': {
      const { module, serial, face, where } = event
      const who =
        serial === undefined ? `${module}, without a serial number` : `${module}, serial number ${serial}`
      return `${who}, ${audiences[face]} ${where}`
    }
    case 'failed':
      return `${event.module} failed its electrical test: ${event.reason}; the card will say so and do nothing else`
    case 'waiting':
      return `waiting: ${event.reason}; trying again until the card is taken`
    case 'inserted':
      return 'the card is in the reader'
    case 'removed':
      return `the card is out of the reader: ${event.reason}`
    case 'unheard':
      return 'nobody asks for the card: another one may be in this reader (its second slot is one port higher)'
    case 'listening':
      return `listening at ${event.where}; whoever reaches it can talk to this module`
    case 'connected':
      return 'a program talks to the module'
    case 'disconnected':
      return 'the program is gone; the module is reset'
    case 'reset':
      return 'the module was reset: a program has begun, or is done'
    case 'stopped':
      return 'stopped'
    default:
      return event satisfies never
  }
}

async function serialNumberOf(module: ModuleFile['module']): Promise<string | undefined> {
  const { serial } = parseChipStatus(await plain(inProcess(module)).send('CHIP STATUS'))
  module.reset()
  return serial === undefined ? undefined : encodeHex(serial)
}

const audiences = {
  vpcd: 'for the virtual reader at',
  tcp: 'for programs at',
  serial: 'for whoever is at the other end of',
} as const

/** `--serial` with its options, or undefined. */
function serialOf(step: Step): SerialAddress | undefined {
  const device = step.optional('serial')
  const [baud, checksum] = [step.optional('baud'), step.optional('checksum')]
  if (device !== undefined) return { device, baud: baudOf(baud), checksum: checksumOf(checksum) }
  if (baud !== undefined || checksum !== undefined)
    throw new UsageError('--baud and --checksum are of a serial line: add --serial DEVICE')
  return undefined
}

interface Address {
  readonly host: string
  readonly port: number
}

/** `--NAME`, `--NAME HOST:PORT`, or undefined when the option is not there. */
function address(step: Step, name: string, host: string, port: number): Address | undefined {
  if (step.flag(name)) return { host, port }
  const text = step.optional(name)
  if (text === undefined) return undefined
  const [, ipv6, plainHost, digits] = /^(?:\[(.+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text) ?? []
  if (digits === undefined || Number(digits) > 0xffff)
    throw new UsageError(`--${name}: expected HOST:PORT, got ${JSON.stringify(text)}`)
  return { host: (ipv6 ?? plainHost)!, port: Number(digits) }
}

function atrOf(step: Step): Uint8Array {
  const text = step.optional('atr')
  if (text === undefined) return defaultAtr
  const atr = decodeHex(text)
  const convention = atr[0] === 0x3b || atr[0] === 0x3f
  if (atr.length < 2 || atr.length > longestAtr || !convention)
    throw new UsageError(`--atr: expected 2 to ${longestAtr} bytes that begin with 3B or 3F`)
  return atr
}
