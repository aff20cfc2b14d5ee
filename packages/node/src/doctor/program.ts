import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where a program lies, also where only root has it in the PATH; undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => isExecutable(path))
}

/** How a program ended within 10 seconds. Undefined where it does not start or does not end. */
export function runProgram(
  path: string,
  args: readonly string[],
): { readonly status: number; readonly stdout: string; readonly text: string } | undefined {
  const { status, stdout, stderr } = spawnSync(path, args, {
    encoding: 'utf8',
    timeout: 10_000,
    // What it says is to be read, in whatever language its user has.
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return status === null ? undefined : { status, stdout, text: `${stdout}\n${stderr}` }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
