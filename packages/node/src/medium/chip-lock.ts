import { lstatSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'

/** The file itself where a name is a symbolic link to it: that is what is held and replaced. */
export function behindLink(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found?.isSymbolicLink() ? realpathSync(path) : path
}

export function chipLockPath(chip: string): string {
  return `${chip}.lock`
}

/**
 * The lock of whoever works with a key file: the one of the chip beside which it lies. Copies of a chip under several names have one key and
 * one counter, and are never held at once. Undefined: the chip's own lock is that lock.
 */
export function keyLockPath(key: string, chip: string): string | undefined {
  const path = chipLockPath(key.endsWith('.key') ? key.slice(0, -4) : key)
  return resolve(path) === resolve(chipLockPath(chip)) ? undefined : path
}
