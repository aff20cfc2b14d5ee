import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type InsertedCard,
  type Ran,
  Readers,
  type RunOptions,
  readerName,
  whyNoReaders,
} from '../readers/index.ts'
import { clientsFolder, type PythonClients, pythonClients, root } from './installed.ts'

const scripts = fileURLToPath(new URL('.', import.meta.url))

/** What a file of tests needs besides readers: programs of the machine, and yubikit with its tests. */
export interface Wanted {
  readonly programs?: readonly string[]
  readonly python?: boolean
}

/**
 * Why clients cannot be run here, told on standard error too, where `npm test` finds it; undefined where they can.
 * @param file `import.meta.url` of the tests
 */
export function tellWhyNoClients(
  file: string,
  { programs = [], python = false }: Wanted,
): string | undefined {
  const noPython =
    python && pythonClients() === undefined ? `${clientsFolder} is empty; run: npm run clients` : undefined
  const missing = whyNoReaders(programs) ?? noPython
  if (missing !== undefined)
    process.stderr.write(`NOT RUN: ${relative(root, fileURLToPath(file))}: ${missing}\n`)
  return missing
}

/** Fails in CI, where everything that `npm run clients` installs must be there. */
export function needClients(missing: string | undefined): void {
  assert.ok(missing === undefined || process.env['CI'] === undefined, missing)
}

/** T0 = F8: yubikit takes the reader for a YubiKey on USB and speaks with extended APDUs. */
export const atrOfUsbKey = '3BF81300008131FE15597562696B657934D4'

/** Readers with a plain GlobalPlatform test card in the first one. */
export class PlainCard {
  readonly readers: Readers
  readonly chip: string
  #card: InsertedCard

  private constructor(readers: Readers, chip: string, card: InsertedCard) {
    this.readers = readers
    this.chip = chip
    this.#card = card
  }

  /**
   * A new card, as two commands make it.
   * @param keys hex of ENC, MAC and DEK: version 01 of a card that is no test module; without them, a test module
   */
  static async insert(keys?: string): Promise<PlainCard> {
    const readers = await Readers.start()
    try {
      const chip = join(readers.folder, 'card.chip')
      const keyFile = join(readers.folder, 'card.keys')
      if (keys !== undefined) writeFileSync(keyFile, keys, { mode: 0o600 })
      const whose = keys === undefined ? ['--test'] : ['--keys', keyFile]
      const words = ['module', 'new', '--profile', 'globalplatform', ...whose, '--out', chip]
      const made = await readers.sealwright(words)
      assert.equal(made.status, 0, made.stderr)
      return new PlainCard(readers, chip, await readers.insert(chip))
    } catch (error) {
      await readers.stop()
      throw error
    }
  }

  /** Takes the card out and puts it in again, with other options for `module run`, say. */
  async reinsert(options: readonly string[] = []): Promise<void> {
    await this.remove()
    await this.insertAgain(options)
  }

  /** Takes the card out. */
  async remove(): Promise<void> {
    assert.equal(await this.#card.stop(), 0)
  }

  /** Puts the card in again that was taken out. */
  async insertAgain(options: readonly string[] = []): Promise<void> {
    this.#card = await this.readers.insert(this.chip, 0, options)
  }

  /** A folder for files of a test. */
  folder(): string {
    return mkdtempSync(join(this.readers.folder, 'test-'))
  }

  /** A script of this folder, with the reader's name before its other words; returns the facts it prints. */
  async python(script: string, words: readonly string[] = [], options: RunOptions = {}): Promise<Facts> {
    const { python } = installed()
    const { status, stdout, stderr } = await this.readers.run(
      python,
      [join(scripts, script), readerName(), ...words],
      options,
    )
    assert.equal(status, 0, `${script}: ${stderr}${stdout}`)
    return JSON.parse(stdout) as Facts
  }

  /** yubikey-manager's own tests, unchanged, with this card as the device. */
  pytest(tests: readonly string[], report: string): Promise<Ran> {
    const { python, deviceTests } = installed()
    const device = ['--reader', readerName(), '--no-serial', '-p', 'plain_card', '-p', 'no:cacheprovider']
    const words = [
      '-m',
      'pytest',
      ...device,
      '-q',
      '--junitxml',
      report,
      ...tests.map((path) => join(deviceTests, path)),
    ]
    const env = { PYTHONPATH: scripts, PYTHONDONTWRITEBYTECODE: '1' }
    return this.readers.run(python, words, { cwd: join(deviceTests, '..'), env, timeoutMs: 180_000 })
  }

  /** ykman with this card. */
  ykman(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.readers.run(installed().ykman, ['--reader', readerName(), ...words], options)
  }

  /**
   * Sends commands with opensc-tool, without a session; returns each answer as hex, status word last. Begin with SELECT: opensc-tool has
   * looked for cards that it knows, and may have selected something.
   */
  async send(...apdus: readonly string[]): Promise<string[]> {
    const words = apdus.flatMap((apdu) => ['--send-apdu', apdu])
    const { status, stdout, stderr } = await this.readers.run('opensc-tool', [
      '--reader',
      readerName(),
      ...words,
    ])
    assert.equal(status, 0, stderr)
    return stdout
      .split(/^Sending: .*$/m)
      .slice(1)
      .map(answerOf)
  }

  async stop(): Promise<void> {
    await this.readers.stop()
  }
}

export type Facts = Readonly<Record<string, unknown>>

/** `Received (SW1=0x90, SW2=0x00):`, then rows of hex, a space and the same as text. */
function answerOf(text: string): string {
  const [, sw1, sw2, rest = ''] = /SW1=0x(..), SW2=0x(..)\)(?::)?([\s\S]*)/.exec(text) ?? []
  const rows = rest.split('\n').map((row) => /^((?:[0-9A-F]{2} )*)/.exec(row)?.[1] ?? '')
  return `${rows.join('')}${sw1}${sw2}`.replaceAll(' ', '')
}

function installed(): PythonClients {
  const found = pythonClients()
  assert.ok(found !== undefined)
  return found
}
