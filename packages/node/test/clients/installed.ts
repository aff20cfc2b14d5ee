import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../../../../', import.meta.url))

/** Where `npm run clients` puts what is not Debian's. `npm ci` empties the usual place; SEALWRIGHT_CLIENTS names another. */
export const clientsFolder: string =
  process.env['SEALWRIGHT_CLIENTS'] || join(root, 'node_modules/.cache/sealwright/clients')

/** yubikey-manager's source distribution on PyPI: its device tests lie in it, not in the wheel. */
export const yubikeyManager = {
  version: '5.9.2',
  sha256: '9584c7377449e6487140da6c3f13a289e618b0023c8414be91c1c212fce3c473',
} as const

/** Python with yubikit, and yubikey-manager's tests as its source distribution has them. */
export interface PythonClients {
  readonly python: string
  readonly ykman: string
  /** Folder `tests` of the source distribution. */
  readonly deviceTests: string
}

/** What `npm run clients` has installed; undefined before. */
export function pythonClients(): PythonClients | undefined {
  const found = {
    python: join(clientsFolder, 'python/bin/python'),
    ykman: join(clientsFolder, 'python/bin/ykman'),
    deviceTests: join(clientsFolder, `yubikey_manager-${yubikeyManager.version}/tests`),
  }
  return Object.values(found).every((path) => existsSync(path)) ? found : undefined
}

/** A class path with GlobalPlatformPro (gp.jar, say), from the environment variable SEALWRIGHT_GP. */
export function gpClassPath(): string | undefined {
  return process.env['SEALWRIGHT_GP'] || undefined
}
