import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** Debian's vsmartcard-vpcd, and what `make install` of vsmartcard leaves. */
const drivers = [
  '/usr/lib/pcsc/drivers/serial/libifdvpcd.so',
  '/usr/local/lib/pcsc/drivers/serial/libifdvpcd.so',
]

/** The driver of the virtual reader, or undefined where it is not installed. */
export const vpcdDriver: string | undefined = drivers.find((path) => existsSync(path))

export const isRoot = process.getuid?.() === 0

/** Where a program lies. Ordinary users have no sbin in their PATH, but may run what lies there. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => executable(path))
}

/** Why no reader can be had on this machine; undefined where one can. @param programs further ones that a test wants */
export function whyNoReaders(programs: readonly string[] = []): string | undefined {
  if (process.platform !== 'linux')
    return `readers of their own are had on Linux only, this is ${process.platform}`
  const wanted = ['pcscd', 'opensc-tool', 'unshare', 'nsenter', 'setpriv', 'mount', 'ip', ...programs]
  const missing = wanted.filter((name) => findProgram(name) === undefined)
  if (vpcdDriver === undefined) missing.push('vsmartcard-vpcd (libifdvpcd.so)')
  if (missing.length > 0) return `missing: ${missing.join(', ')}`
  const tried = spawnSync('unshare', [...unshareOptions, 'mount', '-t', 'tmpfs', 'tmpfs', '/run'])
  return tried.status === 0
    ? undefined
    : 'this user may have no mounts and network of its own (unshare); root may'
}

/** Options of unshare for mounts and a network of one's own. */
export const unshareOptions: readonly string[] = isRoot ? ['-m', '-n'] : ['-r', '-m', '-n']

/**
 * The same, told on standard error too, where `npm test` finds it. A file of tests begins with
 *
 *   const missing = tellWhyNoReaders(import.meta.url, ['pcsc_scan'])
 *   test('readers can be had here, or this is not CI', () => needReaders(missing))
 *
 * and adds its other tests if `missing` is undefined.
 */
export function tellWhyNoReaders(file: string, programs: readonly string[] = []): string | undefined {
  const missing = whyNoReaders(programs)
  if (missing !== undefined)
    process.stderr.write(`NOT RUN: ${relative(root, fileURLToPath(file))}: ${missing}\n`)
  return missing
}

/** Fails where readers are missing but should not be: in CI, whose root installs them. */
export function needReaders(missing: string | undefined): void {
  assert.ok(missing === undefined || process.env['CI'] === undefined || !isRoot, missing)
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
