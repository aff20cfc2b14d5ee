import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { isRoot, unshareOptions, vpcdDriver } from './requirements.ts'

/** How a program ended. */
export interface Ran {
  /** Null when a signal or the time limit ended it. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** It is killed after so many milliseconds; 60,000 when absent. */
  readonly timeoutMs?: number
}

export interface ReadersOptions {
  /** Takes the delay of about 45 ms from every APDU that Debian 12's vpcd has (it sends length and command apart); true when absent. */
  readonly cure?: boolean
}

export const launcher = fileURLToPath(new URL('../../../cli/bin/sealwright.js', import.meta.url))
const pulledCard = fileURLToPath(new URL('pulled-card.ts', import.meta.url))
const firstPort = 35_963

/** The reader's name as PC/SC programs see it. */
export function readerName(slot: 0 | 1 = 0): string {
  return `Virtual PCD 00 0${slot}`
}

/**
 * pcscd with vpcd's two virtual readers, apart from those of the machine: in a mount namespace with a /run of its own and a network of
 * its own. Programs started with `run` see these readers and no others. Everything that was started ends with this process.
 */
export class Readers {
  /** A folder of their own, gone after `stop`. */
  readonly folder: string
  readonly #holder: ChildProcess
  readonly #children = new Set<ChildProcess>()
  #pcscd: ChildProcess | undefined
  #log = ''

  private constructor(folder: string, holder: ChildProcess) {
    this.folder = folder
    this.#holder = holder
  }

  /** The namespaces and a running pcscd. Ask `whyNoReaders` first. */
  static async start({ cure = true }: ReadersOptions = {}): Promise<Readers> {
    const folder = mkdtempSync(join(tmpdir(), 'sealwright-readers-'))
    const script = [
      'mount -t tmpfs tmpfs /run',
      'mkdir /run/pcscd',
      'ip link set lo up',
      'echo ready',
      'exec cat',
    ]
    const holder = spawn('unshare', [...unshareOptions, 'sh', '-c', script.join(' && ')], {
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const readers = new Readers(folder, holder)
    try {
      await firstLine(holder)
      if (cure) await readers.setCure(true)
      mkdirSync(join(folder, 'reader.conf.d'))
      writeFileSync(join(folder, 'reader.conf.d/vpcd'), readerConfiguration)
      await readers.startPcscd()
      return readers
    } catch (error) {
      await readers.stop()
      throw error
    }
  }

  /** What pcscd has written. */
  get log(): string {
    return this.#log
  }

  /** pcscd's socket as this process, which stands outside, reaches it. */
  get socket(): string {
    return join('/proc', String(this.#holder.pid), 'root', 'run/pcscd/pcscd.comm')
  }

  async startPcscd(): Promise<void> {
    await this.run('rm', ['-f', '/run/pcscd/pcscd.comm', '/run/pcscd/pcscd.pid'])
    const pcscd = this.spawn('pcscd', ['-f', '-c', join(this.folder, 'reader.conf.d')])
    for (const stream of [pcscd.stdout, pcscd.stderr])
      stream?.on('data', (chunk) => (this.#log += String(chunk)))
    this.#pcscd = pcscd
    await this.#until('pcscd listens', async () => {
      if (pcscd.exitCode !== null) throw new Error(`pcscd ended: ${this.#log}`)
      return (await this.run('test', ['-S', '/run/pcscd/pcscd.comm'])).status === 0
    })
  }

  /** @param signal SIGKILL: without giving anything back, as after a crash */
  async stopPcscd(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#pcscd !== undefined) await end(this.#pcscd, signal)
    this.#pcscd = undefined
  }

  /** Switches the cure for the delay of each APDU on or off, for this network only. */
  async setCure(on: boolean): Promise<void> {
    const route = 'local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1'.split(' ')
    const { status, stderr } = await this.run('ip', [
      'route',
      'change',
      ...route,
      ...(on ? ['quickack', '1'] : []),
    ])
    if (status !== 0) throw new Error(`ip route: ${stderr}`)
  }

  /** Starts a program where these readers are seen. It is killed when this process ends. */
  spawn(
    command: string,
    args: readonly string[],
    { cwd = this.folder, env = {} }: RunOptions = {},
  ): ChildProcess {
    const enter = [
      '-t',
      String(this.#holder.pid),
      ...(isRoot ? [] : ['-U', '--preserve-credentials']),
      '-m',
      '-n',
    ]
    // Entering the mounts leads to their root.
    const start = ['sh', '-c', 'cd -- "$0" && exec "$@"', cwd, command, ...args]
    const child = spawn('nsenter', [...enter, 'setpriv', '--pdeathsig', 'KILL', ...start], {
      env: { ...environment, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#children.add(child)
    child.once('close', () => this.#children.delete(child))
    return child
  }

  /** Runs a program to its end where these readers are seen. */
  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const child = this.spawn(command, args, options)
    const limit = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000)
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input ?? '')
    const texts = { stdout: '', stderr: '' }
    child.stdout?.setEncoding('utf8').on('data', (text) => (texts.stdout += text))
    child.stderr?.setEncoding('utf8').on('data', (text) => (texts.stderr += text))
    const [status] = (await once(child, 'close')) as [number | null]
    clearTimeout(limit)
    return { status, ...texts }
  }

  /** The command `sealwright` where these readers are seen. */
  sealwright(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.run(process.execPath, [launcher, ...args], withoutNodeOptions(options))
  }

  /** Puts a chip file into a reader with `sealwright module run --vpcd`; returns when pcscd shows the card's ATR. */
  async insert(chipFile: string, slot: 0 | 1 = 0, more: readonly string[] = []): Promise<InsertedCard> {
    const card = this.startModule(chipFile, slot, more)
    await card.until('inserted')
    await this.untilSeen(slot)
    return card
  }

  /** The same without waiting for anything. */
  startModule(chipFile: string, slot: 0 | 1 = 0, more: readonly string[] = []): InsertedCard {
    const where = `127.0.0.1:${firstPort + slot}`
    const words = [launcher, 'module', 'run', chipFile, '--vpcd', where, '--json', ...more]
    return new InsertedCard(this.spawn(process.execPath, words, withoutNodeOptions({})))
  }

  /**
   * Puts a chip file into a reader and pulls it in the middle of its n-th command: when it has come, or when the module has done what it
   * says and only the answer is missing; 'never': it takes two seconds for that command. `ins:XX` is the first with that instruction. Returns
   * when programs see the card.
   */
  async insertToBePulled(
    chipFile: string,
    at: number | `ins:${string}`,
    when: 'before' | 'after' | 'never',
    slot: 0 | 1 = 0,
  ): Promise<ChildProcess> {
    const words = [pulledCard, chipFile, String(firstPort + slot), String(at), when]
    const card = this.spawn(process.execPath, words, withoutNodeOptions({}))
    await firstLine(card)
    await this.untilSeen(slot)
    return card
  }

  /** Waits until programs see a card in the reader. */
  untilSeen(slot: 0 | 1 = 0): Promise<void> {
    return this.#until(`a card is seen in ${readerName(slot)}`, async () => {
      const { status, stdout } = await this.run('opensc-tool', ['--reader', readerName(slot), '--atr'])
      return status === 0 && /^3[bf]/i.test(stdout.trim())
    })
  }

  /** Ends everything that was started, and removes the folder. */
  async stop(): Promise<void> {
    await this.stopPcscd()
    await Promise.all([...this.#children].map((child) => end(child, 'SIGKILL')))
    await end(this.#holder, 'SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const limit = Date.now() + 15_000
    while (!(await condition())) {
      if (Date.now() > limit) throw new Error(`not within 15 s: ${what}; pcscd wrote: ${this.#log}`)
      await new Promise((done) => setTimeout(done, 30))
    }
  }
}

/** One event of `sealwright module run --json`. */
export type CardEvent = Readonly<Record<string, unknown>> & { readonly event: string }

/** A running `sealwright module run`. */
export class InsertedCard {
  readonly events: CardEvent[] = []
  readonly process: ChildProcess
  #stderr = ''
  #seen = 0
  #wake = (): void => {}

  constructor(child: ChildProcess) {
    this.process = child
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.events.push(JSON.parse(line) as CardEvent)
      this.#wake()
    })
    child.stderr!.setEncoding('utf8').on('data', (text) => (this.#stderr += text))
    child.once('close', () => this.#wake())
  }

  /** What it has told people. */
  get stderr(): string {
    return this.#stderr
  }

  /** The next event of that name after the one returned last; throws when the process ends or nothing comes for 15 seconds. */
  async until(name: string): Promise<CardEvent> {
    const limit = Date.now() + 15_000
    for (;;) {
      const at = this.events.findIndex(({ event }, i) => i >= this.#seen && event === name)
      if (at >= 0) {
        this.#seen = at + 1
        return this.events[at]!
      }
      const over = this.process.exitCode !== null || this.process.signalCode !== null
      if (over || Date.now() > limit) throw new Error(`no event ${name}; module run wrote: ${this.#stderr}`)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, limit - Date.now())
        this.#wake = () => {
          clearTimeout(timer)
          done()
        }
      })
    }
  }

  /** Takes the card out. Returns the exit status, null when it was killed. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    await end(this.process, signal)
    return this.process.exitCode
  }
}

const readerConfiguration = [
  'FRIENDLYNAME "Virtual PCD"',
  `DEVICENAME /dev/null:0x${firstPort.toString(16).toUpperCase()}`,
  `LIBPATH ${vpcdDriver}`,
  `CHANNELID 0x${firstPort.toString(16).toUpperCase()}`,
  '',
].join('\n')

/** pcscd and ip lie where ordinary users do not look. */
const environment = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }

/** Options of the tests' own Node are not for the programs they run. */
function withoutNodeOptions(options: RunOptions): RunOptions {
  return { ...options, env: { ...options.env, NODE_OPTIONS: '' } }
}

/** Resolves with the first line a program prints; rejects when it ends before. */
function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((done, failed) => {
    let errors = ''
    child.stderr!.on('data', (chunk) => (errors += String(chunk)))
    createInterface({ input: child.stdout! }).once('line', done)
    child.once('error', failed)
    child.once('close', () => failed(new Error(`ended before its first line: ${errors}`)))
  })
}

/** Ends a process that this one started, at the latest after 5 seconds. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill(signal)
  const limit = setTimeout(() => child.kill('SIGKILL'), 5000)
  await closed
  clearTimeout(limit)
}
