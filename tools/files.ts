import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The repository's files, as paths from its top with `/`: what git tracks or would track; without git, all. */
export function repositoryFiles(top: string = root): string[] {
  if (existsSync(join(top, '.git'))) {
    const git = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: top,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    })
    if (git.status === 0) {
      const names = git.stdout.split('\0').filter((name) => name !== '' && existsSync(join(top, name)))
      return [...new Set(names)].sort()
    }
  }
  return walk(top, '')
}

function walk(top: string, folder: string): string[] {
  return readdirSync(join(top, folder), { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules' && entry.name !== '.git')
    .flatMap((entry) => {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`
      return entry.isDirectory() ? walk(top, name) : entry.isFile() ? [name] : []
    })
    .map((name) => name.replaceAll(sep, '/'))
    .sort()
}

/** `packages/core/src/bytes/reader.test.ts` → true. */
export function isTest(path: string): boolean {
  return /\.(test|bench)\.ts$/.test(path) || /^packages\/[^/]+\/test\//.test(path)
}
