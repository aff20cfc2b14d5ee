import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concat } from '@sealwright/core/bytes'
import { parseUnlockingFile, type UnlockingData } from '@sealwright/core/customization'
import { openModuleFile } from '@sealwright/node/transport'
import { shippedProgram } from '../src/shipped-programs.ts'
import { commandLine } from './run.ts'

/** The three parties of the factory, each in a workspace of its own, on the real command line. */
export interface FactoryWorkspaces {
  /** Holds a folder for each party, and nothing else. */
  readonly folder: string
  readonly issuer: string
  readonly manufacturer: string
  readonly mounter: string
  /** Stands in the customization software and nowhere else, 32 bytes. */
  readonly customizationCanary: Uint8Array
  /** A piece of the additional software that stands in no other program, 32 bytes. */
  readonly addedCanary: Uint8Array
  readonly unlocking: UnlockingData
}

/** Chips that were mounted, and at which the issuer has done nothing yet. */
export const mountedChips = ['one.chip', 'two.chip'] as const
/** The chip that went on to user mode after the mounter. */
export const finishedChip = 'done.chip'

/**
 * Mask, chips, mounting; one of the chips becomes a product. What manufacturer and mounter were handed, and every word that any command
 * told them, plainly, with --json and traced, lies in their folders.
 */
export async function factoryWorkspaces(): Promise<FactoryWorkspaces> {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-factory-'))
  const at = (party: string): string => join(folder, party)
  const customizationCanary = digestOf('canary of the customization software')
  for (const party of ['issuer', 'manufacturer', 'mounter']) {
    mkdirSync(at(party))
    await say(at(party), ['init', '.', '--party', party])
  }
  const give = (name: string, from: string, to: string): void =>
    copyFileSync(join(at(from), name), join(at(to), name))

  writeFileSync(
    join(at('issuer'), 'own.wasm'),
    withCanary(shippedProgram('customization'), customizationCanary),
  )
  const own = ['--customization', 'own.wasm', '--eeprom', '65536']
  await say(at('issuer'), ['issuer', 'mask', 'fleet', '--out', 'fleet.mask', ...own])

  give('fleet.mask', 'issuer', 'manufacturer')
  await both(at('manufacturer'), ['inspect', 'fleet.mask'])
  await both(at('manufacturer'), ['manufacturer', 'init-root', '--out', 'root.pem'])
  const chips = [...mountedChips, finishedChip]
  await both(at('manufacturer'), [
    ...['manufacturer', 'produce', 'fleet.mask', ...chips, '--delivery-note', 'fleet.note'],
  ])
  for (const look of ['show', 'map']) {
    const traced = ['module', look, '--module', 'one.chip', '--trace', 'chips.trace']
    await both(at('manufacturer'), look === 'map' ? traced.slice(0, 4) : traced)
  }

  give('fleet.note', 'manufacturer', 'mounter')
  for (const name of readdirSync(at('manufacturer')).filter((name) => name.includes('.chip'))) {
    give(name, 'manufacturer', 'mounter')
  }
  await both(at('mounter'), ['inspect', 'fleet.note'])
  for (const [i, chip] of chips.entries()) {
    const serial = `000000000000000${i + 1}`
    const words = ['mounter', 'mount', '--module', chip, '--serial', serial, '--delivery-note', 'fleet.note']
    await both(at('mounter'), [...words, '--print', `CHIP ${serial}`, '--trace', 'chips.trace'])
  }
  await both(at('mounter'), ['mounter', 'discarded'])
  for (const party of ['manufacturer', 'mounter']) await both(at(party), ['keys', party])
  await both(at('mounter'), ['module', 'show', '--module', 'one.chip', '--trace', 'chips.trace'])
  await both(at('mounter'), ['module', 'map', '--module', 'one.chip'])
  await refusals(at('mounter'))

  for (const name of readdirSync(at('mounter')).filter((name) => name.startsWith(finishedChip))) {
    give(name, 'mounter', 'issuer')
  }
  give('root.pem', 'manufacturer', 'issuer')
  const on = ['--module', finishedChip, '--mask', 'fleet', '--trace', 'issuer.trace']
  await both(at('issuer'), ['issuer', 'unlock', ...on])
  keepCopy(at('issuer'), 'unlocked')
  const papers = ['--papers', 'done.papers', '--request', 'done.request', '--manufacturer-root', 'root.pem']
  await both(at('issuer'), ['issuer', 'customize', ...on, '--product', 'cash', ...papers])
  keepCopy(at('issuer'), 'customized')
  give('done.request', 'issuer', 'manufacturer')
  await both(at('manufacturer'), ['manufacturer', 'certify-module', 'done.request', '--out', 'done.pem'])
  give('done.pem', 'manufacturer', 'issuer')
  await both(at('issuer'), ['issuer', 'finish', ...on, '--certificate', 'done.pem', '--irreversible'])
  for (const chip of ['unlocked.chip', 'customized.chip', finishedChip]) {
    await both(at('issuer'), ['module', 'backup', chip, '--out', `${chip}.backup`])
    await both(at('issuer'), ['module', 'verify', chip])
    await both(at('issuer'), ['module', 'map', '--module', chip])
  }

  const kept = filesBelow(at('issuer')).find((name) => name.includes('unlocking'))!
  const { unlocking } = parseUnlockingFile(new Uint8Array(readFileSync(join(at('issuer'), kept)).subarray(1)))
  const parties = { issuer: at('issuer'), manufacturer: at('manufacturer'), mounter: at('mounter') }
  return { folder, ...parties, customizationCanary, addedCanary: addedCanary(), unlocking }
}

/** Paths of all files below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  )
}

/** All memory of a chip in a file as the chip itself reads it: its pages one after another, area by area. */
export async function memoryOf(path: string): Promise<Uint8Array> {
  const opened = openModuleFile(path)
  try {
    const { nvm, rom, otp } = opened.module.parts
    return concat(otp.dump(), nvm.read(0, nvm.size), rom.bytes)
  } finally {
    await opened.close()
  }
}

let spoken = 0

/** Runs a command, which must do what it is asked, and keeps what it said in the folder. */
async function say(cwd: string, words: readonly string[]): Promise<void> {
  const { status, stdout, stderr } = await commandLine(cwd, words)
  assert.equal(status, 0, `${words.join(' ')}\n${stderr}`)
  keep(cwd, words, stdout + stderr)
}

/** The same plainly and with --json: the second time nothing is new, and it says so. */
async function both(cwd: string, words: readonly string[]): Promise<void> {
  await say(cwd, words)
  await say(cwd, [...words, '--json'])
}

/** The chip, with its key file, as it is now. */
function keepCopy(folder: string, name: string): void {
  for (const file of readdirSync(folder).filter(
    (one) => one.startsWith(finishedChip) && !one.endsWith('.lock'),
  )) {
    copyFileSync(join(folder, file), join(folder, file.replace(finishedChip, `${name}.chip`)))
  }
}

/** What the commands of others say to somebody who has no key for them. */
async function refusals(cwd: string): Promise<void> {
  for (const words of [
    ['issuer', 'unlock', '--module', 'one.chip', '--mask', 'fleet'],
    ['issuer', 'finish', '--module', 'one.chip', '--mask', 'fleet', '--irreversible'],
    [
      'mounter',
      'mount',
      '--module',
      'one.chip',
      '--serial',
      '00000000000000FF',
      '--delivery-note',
      'fleet.note',
    ],
  ]) {
    for (const form of [[], ['--json']]) {
      const { status, stdout, stderr } = await commandLine(cwd, [...words, ...form])
      assert.notEqual(status, 0, words.join(' '))
      keep(cwd, words, stdout + stderr)
    }
  }
}

function keep(cwd: string, words: readonly string[], text: string): void {
  spoken++
  writeFileSync(join(cwd, `said-${String(spoken).padStart(3, '0')}.txt`), `${words.join(' ')}\n${text}`)
}

function addedCanary(): Uint8Array {
  const [added, ...others] = (['added', 'rom', 'customization'] as const).map((name) =>
    Buffer.from(shippedProgram(name)),
  )
  for (let at = 64; at + 32 <= added!.length; at++) {
    const piece = added!.subarray(at, at + 32)
    const halves = [piece.subarray(0, 16), piece.subarray(16)]
    const own = halves.every(
      (half) => others.every((other) => !other.includes(half)) && new Set(half).size > 8,
    )
    if (own) return new Uint8Array(piece)
  }
  throw new Error('the additional software has no piece of its own')
}

function digestOf(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest())
}

/** The program with the canary in a custom section. */
function withCanary(wasm: Uint8Array, canary: Uint8Array): Uint8Array {
  const content = concat(Uint8Array.of(6), new TextEncoder().encode('canary'), canary)
  return concat(wasm, Uint8Array.of(0, content.length), content)
}
