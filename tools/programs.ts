/**
 * `npm run programs`: compiles programs/<name>/assembly with the SDK's options to programs/<name>/<name>.wasm, and the hostile
 * programs of the module's tests from their own sources.
 * `--check` compiles and compares only; it fails when a committed program is not what its source gives.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hostileFile, hostileSources } from '../packages/module/test/program/hostile/sources.ts'

/** The compiler's entry. Its own declarations would replace the global `console` of every file checked with this one. */
const compiler = 'assemblyscript/asc'
const { main: asc } = (await import(compiler)) as {
  main(options: string[]): Promise<{ error: Error | null; stderr: { toString(): string } }>
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const check = process.argv.includes('--check')
const temporary = mkdtempSync(join(tmpdir(), 'sealwright-programs-'))

try {
  let different = 0
  const settle = (name: string, target: string, wasm: Uint8Array): void => {
    const same = existsSync(target) && readFileSync(target).equals(wasm)
    if (!check && !same) writeFileSync(target, wasm)
    if (check && !same) different++
    const state = same ? 'as committed' : check ? 'differs from what is committed' : 'written'
    console.log(`${name.padEnd(32)} ${String(wasm.length).padStart(6)} bytes  ${state}`)
  }
  // First: the compiler of AssemblyScript leaves settings behind by which the same text becomes other bytes.
  for (const [name, make] of hostileSources()) settle(`hostile ${name}`, hostileFile(name), make())
  for (const name of programNames()) {
    settle(name, join(root, 'programs', name, `${name}.wasm`), await compile(name))
  }
  if (different > 0) {
    console.error('programs: error: committed programs are not what their sources give')
    console.error('programs: hint: run `npm run programs` and commit the result')
    process.exitCode = 1
  }
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

function programNames(): string[] {
  return readdirSync(join(root, 'programs'))
    .filter((name) => existsSync(join(root, 'programs', name, 'assembly', 'index.ts')))
    .sort()
}

async function compile(name: string): Promise<Buffer> {
  const target = join(temporary, `${name}.wasm`)
  const source = `programs/${name}/assembly/index.ts`
  const { error, stderr } = await asc([
    source,
    '--baseDir',
    root,
    '--config',
    'packages/sdk/asconfig.json',
    '--outFile',
    relative(root, target),
  ])
  if (error !== null) throw new Error(`${source} does not compile\n${stderr.toString()}`)
  return readFileSync(target)
}
