/**
 * Runs the `sh` blocks of README.md in order, in a temporary copy of the repository, each in a shell of its own; those marked `sh reader`
 * where pcscd has virtual readers of their own. `--list` prints them and runs nothing; `--tours` leaves out the first two, npm's.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Readers, whyNoReaders } from '../packages/node/test/readers/index.ts'
import { repositoryFiles, root } from './files.ts'

export interface Block {
  readonly line: number
  readonly commands: string
  /** It needs card readers. */
  readonly reader: boolean
}

/** Blocks that open with exactly three back ticks and `sh`, or `sh reader`. */
export function shellBlocks(page: string): Block[] {
  const found: Block[] = []
  const lines = page.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const reader = lines[i] === '```sh reader'
    if (lines[i] !== '```sh' && !reader) continue
    const end = lines.indexOf('```', i)
    if (end < 0) throw new Error(`README.md:${i + 1} the block has no end`)
    found.push({ line: i + 1, commands: lines.slice(i + 1, end).join('\n'), reader })
    i = end
  }
  return found
}

async function main(list: boolean, tours: boolean): Promise<void> {
  const blocks = shellBlocks(readFileSync(join(root, 'README.md'), 'utf8')).slice(tours ? 2 : 0)
  const copy = list ? '' : copied()
  let failed = 0
  try {
    if (tours && !list && run('npm ci', copy) !== 0) throw new Error('npm ci failed')
    for (const { line, commands, reader } of blocks) {
      console.log(`README.md:${line}\n${commands.replaceAll(/^/gm, '  $ ')}`)
      if (list) continue
      const start = performance.now()
      const status = await (reader ? runWithReaders(commands, copy) : run(commands, copy))
      if (status === undefined) continue
      const seconds = ((performance.now() - start) / 1000).toFixed(1)
      console.log(`${status === 0 ? 'ok    ' : 'FAILED'} README.md:${line} ${seconds} s\n`)
      if (status !== 0) failed++
    }
  } finally {
    if (copy !== '') rmSync(copy, { recursive: true, force: true })
  }
  console.log(`${blocks.length} blocks, ${list ? 'none run' : `${failed} failed`}`)
  process.exitCode = failed > 0 || blocks.length === 0 ? 1 : 0
}

function run(commands: string, cwd: string): number | null {
  return spawnSync('sh', ['-e', '-c', commands], { cwd, stdio: ['ignore', 'inherit', 'inherit'] }).status
}

/** Undefined where readers cannot be had, which is told, and in CI is a failure. */
async function runWithReaders(commands: string, cwd: string): Promise<number | null | undefined> {
  const why = whyNoReaders(['ykman'])
  if (why !== undefined) {
    console.log(`NOT RUN: ${why}\n`)
    return process.env['CI'] === undefined ? undefined : 1
  }
  const readers = await Readers.start()
  try {
    // What a block that fails has put into the background would keep its output open.
    const ended = `trap 'kill $! 2> /dev/null || :' EXIT\n${commands}`
    const { status, stdout, stderr } = await readers.run('sh', ['-e', '-c', ended], {
      cwd,
      timeoutMs: 120_000,
    })
    console.log(`${stdout}${stderr}`)
    return status
  } finally {
    await readers.stop()
  }
}

function copied(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-readme-'))
  for (const path of repositoryFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    copyFileSync(join(root, path), join(folder, path))
  }
  return folder
}

if (process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === import.meta.url) {
  await main(process.argv.includes('--list'), process.argv.includes('--tours'))
}
