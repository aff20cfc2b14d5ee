/**
 * `npm run clients`: installs the smart card programs that packages/node/test/clients runs against the module: Debian's packages (as root only) and,
 * into node_modules/.cache/sealwright/clients or the folder that SEALWRIGHT_CLIENTS names, those of PyPI in pinned versions. What is there
 * already stays. `ykman` lies in `bin` there, for PATH.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clientsFolder, root, yubikeyManager } from '../packages/node/test/clients/installed.ts'

/** Debian 12's packages: what runs, then what pyscard, of which PyPI has no build for Linux, is compiled with. */
const debian = [
  ...['pcscd', 'vsmartcard-vpcd', 'pcsc-tools', 'opensc', 'iproute2', 'util-linux', 'python3-venv'],
  ...['swig', 'gcc', 'libc6-dev', 'libpcsclite-dev', 'python3-dev'],
]
const requirements = join(root, 'packages/node/test/clients/requirements.txt')
const python = join(clientsFolder, 'python')

try {
  installPackages()
  installPython()
  installDeviceTests()
} catch (error) {
  console.error(`clients: error: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

function installPackages(): void {
  const { stdout, error } = spawnSync('dpkg', ['--get-selections', ...debian], { encoding: 'utf8' })
  if (error !== undefined) {
    console.log(`this is no Debian; install what answers to ${debian.join(' ')} yourself`)
    return
  }
  const there = new Set(
    [...stdout.matchAll(/^([^\s:]+)(?::\S+)?\s+(?:install|hold)$/gm)].map(([, name]) => name),
  )
  const missing = debian.filter((name) => !there.has(name))
  if (missing.length > 0 && process.getuid?.() !== 0)
    throw new Error(`missing Debian packages; as root: apt-get install ${missing.join(' ')}`)
  if (missing.length > 0) {
    run('apt-get', ['update', '-q'])
    run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing])
  }
  console.log(`Debian packages: ${missing.length === 0 ? 'all there' : `installed ${missing.join(' ')}`}`)
}

function installPython(): void {
  const interpreter = run('python3', ['-c', 'import sys; print(sys.executable, sys.version_info[:3])'])
  const wanted = digest(`${readFileSync(requirements, 'utf8')}${interpreter}bin`)
  if (stamp('python') === wanted) {
    console.log('yubikit, ykman: there')
    return
  }
  rmSync(python, { recursive: true, force: true })
  mkdirSync(clientsFolder, { recursive: true })
  run('python3', ['-m', 'venv', python])
  run(join(python, 'bin/pip'), ['install', '-q', '--disable-pip-version-check', '-r', requirements])
  const bin = join(clientsFolder, 'bin')
  mkdirSync(bin, { recursive: true })
  rmSync(join(bin, 'ykman'), { force: true })
  symlinkSync('../python/bin/ykman', join(bin, 'ykman'))
  setStamp('python', wanted)
  console.log(run(join(python, 'bin/ykman'), ['--version']).trim())
}

function installDeviceTests(): void {
  const { version, sha256 } = yubikeyManager
  if (stamp('device-tests') === sha256) {
    console.log("yubikey-manager's device tests: there")
    return
  }
  const archive = join(clientsFolder, `yubikey_manager-${version}.tar.gz`)
  rmSync(archive, { force: true })
  const words = ['download', '-q', '--disable-pip-version-check', '--no-deps', '--no-build-isolation']
  const source = ['--no-binary', 'yubikey-manager', '-d', clientsFolder, `yubikey-manager==${version}`]
  run(join(python, 'bin/pip'), [...words, ...source])
  const got = digest(readFileSync(archive))
  if (got !== sha256)
    throw new Error(`yubikey_manager-${version}.tar.gz: expected SHA-256 ${sha256}, got ${got}`)
  run('tar', ['-xzf', archive, '-C', clientsFolder])
  setStamp('device-tests', sha256)
  console.log(`yubikey-manager's device tests: those of ${version}`)
}

/** Standard output of a program that must succeed. */
function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 1 << 26,
  })
  if (error !== undefined) throw new Error(`${command} cannot be run: ${error.message}`)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stderr || stdout}`)
  return stdout
}

/** What an earlier run has finished. */
function stamp(name: string): string | undefined {
  const file = join(clientsFolder, `${name}.stamp`)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function setStamp(name: string, text: string): void {
  writeFileSync(join(clientsFolder, `${name}.stamp`), text)
}

function digest(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
