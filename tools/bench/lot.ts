import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One stretch of a lot's way, as a process of its own. */
export interface LotStretch {
  readonly name: string
  /** Wall clock, seconds. */
  readonly seconds: number
  /** Processor time of all its processes, seconds. */
  readonly processor: number
  /** Resident memory of all its processes, MiB, when a tenth of the chips were done and when all were; absent where the kernel does not tell. */
  readonly memory?: { readonly atTenth: number; readonly atEnd: number }
}

export interface LotMeasured {
  readonly chips: number
  readonly folder: string
  readonly stretches: readonly LotStretch[]
  /** Chips a second from unlock to finish, certificates included. */
  readonly perSecond: number
  /** Memory at the last chip by memory at a tenth of them, the larger of both phases. */
  readonly growth?: number
}

/**
 * Takes a lot of chips with 32 KiB of EEPROM through the real commands, in a folder of its own on the disk that TMPDIR lies on: in one go, or
 * step by step, with the chips put away in between. Order, production and mounting come before and are told apart; measured is from unlock to
 * finish. At the end every chip is in user mode.
 */
export async function measureLot(
  chips: number,
  form: 'one go' | 'steps',
  say: (line: string) => void,
): Promise<LotMeasured> {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-lot-'))
  try {
    prepare(folder, chips, say)
    const stretches: LotStretch[] = []
    for (const [name, words] of form === 'one go' ? oneGo : steps) {
      stretches.push(await stretch(folder, name, words, chips))
    }
    const shown = JSON.parse(run(folder, ['issuer', 'lot', 'show', 'bench', '--json'])) as {
      finished?: number
    }
    if (shown.finished !== chips) throw new Error(`${shown.finished} of ${chips} chips are in user mode`)
    const seconds = stretches.reduce((sum, one) => sum + one.seconds, 0)
    const grown = stretches.flatMap(({ memory }) =>
      memory === undefined ? [] : [memory.atEnd / memory.atTenth],
    )
    const growth = grown.length === 0 ? {} : { growth: Math.max(...grown) }
    return { chips, folder: tmpdir(), stretches, perSecond: chips / seconds, ...growth }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

type NamedCommand = readonly [name: string, words: readonly string[]]

const customized = ['--chips', 'chips', '--product', 'cash', '--serials', 'serials', '--papers', 'papers']

const oneGo: readonly NamedCommand[] = [
  ['all in one go', ['issuer', 'lot', 'complete', 'bench', ...customized, '--irreversible']],
]

const steps: readonly NamedCommand[] = [
  [
    'unlock and customize',
    [
      ...['issuer', 'lot', 'customize', 'bench', ...customized],
      ...['--manufacturer-root', 'root.pem', '--requests', 'requests'],
    ],
  ],
  ['certify', ['manufacturer', 'certify-lot', 'requests', '--out', 'certificates']],
  [
    'finish',
    [
      ...['issuer', 'lot', 'finish', 'bench', '--chips', 'chips'],
      ...['--certificates', 'certificates', '--irreversible'],
    ],
  ],
]

function prepare(folder: string, chips: number, say: (line: string) => void): void {
  run(folder, ['init', '.'])
  run(folder, ['manufacturer', 'init-root', '--out', 'root.pem'])
  run(folder, ['issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '32768'])
  run(folder, [
    'issuer',
    'lot',
    'new',
    'bench',
    '--mask',
    'fleet',
    '--count',
    String(chips),
    '--out',
    'order',
  ])
  say(`producing ${chips} chips`)
  const produce = ['--count', String(chips), '--out', 'chips', '--delivery-note', 'note']
  run(folder, ['manufacturer', 'produce', 'order', ...produce])
  say(`mounting ${chips} chips`)
  const mount = ['--chips', 'chips', '--delivery-note', 'note', '--first-serial', '0000000000000001']
  run(folder, ['mounter', 'mount', ...mount, '--mounted', 'serials'])
  const [some] = readdirSync(join(folder, 'chips'))
  const { size, blocks } = statSync(join(folder, 'chips', some!))
  say(`a chip file has ${size} bytes and takes ${512 * blocks} on the disk`)
  writeFileSync(join(folder, 'prepared'), '')
}

function run(folder: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...words], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: environment,
  })
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr.slice(-2000)}`)
  return stdout
}

/** Runs a command and looks at its memory when its progress says that a tenth of the chips are done, and once more near the end. */
async function stretch(
  folder: string,
  name: string,
  words: readonly string[],
  chips: number,
): Promise<LotStretch> {
  const begun = performance.now()
  const child = spawn(process.execPath, [launcher, ...words], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment,
  })
  let told = ''
  let atTenth: number | undefined
  let atEnd: number | undefined
  let processor = 0
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text: string) => {
    told = (told + text).slice(-4000)
    for (const [, done] of text.matchAll(/(\d+) of \d+/g)) {
      const memory = residentMemory(child.pid!)
      if (memory === undefined) continue
      if (Number(done) <= chips / 10) atTenth = memory
      atEnd = memory
    }
  })
  const watch = setInterval(() => {
    // What has ended is not counted any more.
    processor = Math.max(processor, processorTime(child.pid!) ?? 0)
  }, 50)
  const status = await new Promise<number | null>((ended) => child.once('close', ended))
  clearInterval(watch)
  if (status !== 0) throw new Error(`${words.join(' ')}: ${told}`)
  const memory = atTenth === undefined || atEnd === undefined ? {} : { memory: { atTenth, atEnd } }
  return { name, seconds: (performance.now() - begun) / 1000, processor, ...memory }
}

/** MiB of a process and those that it started, on Linux; a page that several share counts for each in part. */
function residentMemory(pid: number): number | undefined {
  return sum(family(pid), (one) => {
    const kib = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))?.[1]
    return Number(kib) / 1024
  })
}

/** Seconds in user and system mode of a process and those that it started, on Linux: fields 14 and 15, in hundredths. */
function processorTime(pid: number): number | undefined {
  return sum(family(pid), (one) => {
    const stat = readFileSync(`/proc/${one}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  })
}

function sum(pids: readonly number[], of: (pid: number) => number): number | undefined {
  try {
    const total = pids.reduce((all, pid) => all + of(pid), 0)
    return Number.isNaN(total) || pids.length === 0 ? undefined : total
  } catch {
    return undefined
  }
}

function family(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    return [pid, ...children.map(Number).flatMap(family)]
  } catch {
    return []
  }
}

const launcher = fileURLToPath(new URL('../../packages/cli/bin/sealwright.js', import.meta.url))
const environment = { ...process.env, NODE_OPTIONS: '' }
