import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

/**
 * Workspaces as earlier releases left them, each in one file: gzip of a JSON object with the files' content in base64 by their paths.
 * `release-1`: chip files of format version 1, made by the release before chips were sealed. `release-2`: made by `tools/workspace-fixture.ts`.
 * Their keys are published with them, and nothing else uses them.
 */
export type ReleaseName = 'release-1' | 'release-2'

export function fixturePath(name: ReleaseName): string {
  return join(import.meta.dirname, '../../test/fixtures', name, 'workspace.json.gz')
}

/** Lays a workspace out in a folder, which is made. */
export function unpackWorkspace(name: ReleaseName, folder: string): void {
  const packed = JSON.parse(gunzipSync(readFileSync(fixturePath(name))).toString('utf8')) as Record<
    string,
    string
  >
  for (const [path, content] of Object.entries(packed)) {
    const to = join(folder, path)
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
    writeFileSync(to, Buffer.from(content, 'base64'), { mode: 0o600 })
  }
}

/** The file for a workspace in a folder; locks are left out. */
export function packWorkspace(folder: string): Uint8Array {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile() && !/(^|[./])lock$/.test(path))
    .sort()
  const files = Object.fromEntries(
    paths.map((path) => [path, readFileSync(join(folder, path)).toString('base64')]),
  )
  return gzipSync(JSON.stringify(files), { level: 9 })
}
