import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { LineNoise, type NoiseRates } from '@sealwright/core/testing'

/** Why no pseudo-terminal can be had on this machine; undefined where one can. */
export function whyNoPty(): string | undefined {
  if (process.platform !== 'linux')
    return `pseudo-terminals are made on Linux only, this is ${process.platform}`
  const missing = ['/usr/bin/script', '/usr/bin/setpriv'].filter((path) => !existsSync(path))
  return missing.length === 0 ? undefined : `missing: ${missing.join(', ')} (util-linux, bsdutils)`
}

/** The other side of a tty: what is written to its device comes here, and the other way round. */
class Pty {
  readonly path: string
  readonly #child: ChildProcess

  private constructor(path: string, child: ChildProcess) {
    this.path = path
    this.#child = child
  }

  /** `script` makes the terminal and carries its bytes; it ends with this process. */
  static open(take: (bytes: Uint8Array) => void): Promise<Pty> {
    const inside = 'stty raw -echo; tty; exec sleep 100000'
    const words = ['--pdeathsig', 'KILL', 'script', '-qfec', inside, '/dev/null']
    const child = spawn('setpriv', words, { stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdin!.on('error', () => {})
    return new Promise((done, failed) => {
      let said = ''
      child.once('error', failed)
      child.once('close', () => failed(new Error(`no pseudo-terminal: ${said}`)))
      const first = (chunk: Buffer): void => {
        said += chunk.toString('latin1')
        const line = /^(\/dev\/\S+)\r?\n/.exec(said)
        if (line === null) return
        child.stdout!.off('data', first)
        child.stdout!.on('data', (bytes: Buffer) => take(new Uint8Array(bytes)))
        done(new Pty(line[1]!, child))
      }
      child.stdout!.on('data', first)
    })
  }

  write(bytes: Uint8Array): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.stdin!.write(bytes)
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const closed = new Promise((done) => this.#child.once('close', done))
    this.#child.kill('SIGKILL')
    await closed
  }
}

export interface PtyLineOptions {
  readonly noise?: NoiseRates
  readonly seed?: number
}

/** Two real ttys with a line between them, as bad as wanted: what is written to one device comes out of the other. */
export class PtyLine {
  readonly #ends: { host: Pty; module: Pty }
  readonly #noise: { readonly up: LineNoise; readonly down: LineNoise }
  #left = Infinity
  #passed = 0

  private constructor(ends: { host: Pty; module: Pty }, noise: { up: LineNoise; down: LineNoise }) {
    this.#ends = ends
    this.#noise = noise
  }

  static async open({ noise = {}, seed = 1 }: PtyLineOptions = {}): Promise<PtyLine> {
    const noises = { up: new LineNoise(2 * seed, noise), down: new LineNoise(2 * seed + 1, noise) }
    const towards = { module: (_: Uint8Array): void => {}, host: (_: Uint8Array): void => {} }
    const host = await Pty.open(carrier(noises.up, (bytes) => towards.module(bytes)))
    const module = await Pty.open(carrier(noises.down, (bytes) => towards.host(bytes)))
    const line = new PtyLine({ host, module }, noises)
    towards.module = (bytes) => line.#towardsModule(bytes)
    towards.host = (bytes) => line.#towardsHost(bytes)
    return line
  }

  /** The device that the host side opens. */
  get hostPath(): string {
    return this.#ends.host.path
  }

  get modulePath(): string {
    return this.#ends.module.path
  }

  get disturbances(): number {
    return this.#noise.up.disturbances + this.#noise.down.disturbances
  }

  /** Bytes that reached the host. */
  get bytesToHost(): number {
    return this.#passed
  }

  /** After so many bytes towards the host, counted from now, nothing passes in either direction. */
  breakAfter(bytesToHost: number): void {
    this.#left = bytesToHost
  }

  /** Both devices vanish, as adapters do that are unplugged. */
  async unplug(): Promise<void> {
    await Promise.all([this.#ends.host.close(), this.#ends.module.close()])
  }

  #towardsModule(bytes: Uint8Array): void {
    if (this.#left > 0) this.#ends.module.write(bytes)
  }

  #towardsHost(bytes: Uint8Array): void {
    const room = bytes.subarray(0, Math.max(0, this.#left))
    this.#left -= bytes.length
    this.#passed += room.length
    this.#ends.host.write(room)
  }
}

/** Takes what comes, disturbs it, and brings it on in order. */
function carrier(noise: LineNoise, bring: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  let arriving: Promise<void> = Promise.resolve()
  return (sent) => {
    for (const { bytes, delayMs } of noise.pass(sent)) {
      arriving = arriving.then(async () => {
        if (delayMs > 0) await new Promise((done) => setTimeout(done, delayMs))
        if (bytes.length > 0) bring(bytes)
      })
    }
  }
}
