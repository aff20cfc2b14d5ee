import * as files from 'node:fs'
import type { Files } from '../medium/index.ts'

/** A machine that stops before its n-th change of the disk, and does nothing after it. */
export function deadAfter(n: number): { files: Files; steps: { count: number } } {
  const steps = { count: 0 }
  const dying =
    <A extends unknown[], R>(work: (...args: A) => R) =>
    (...args: A): R => {
      steps.count++
      if (!(steps.count < n)) throw new Error('the machine stopped')
      return work(...args)
    }
  return {
    files: {
      ...files,
      writeSync: dying(files.writeSync as (...args: unknown[]) => number) as Files['writeSync'],
      fsyncSync: dying(files.fsyncSync),
      fdatasyncSync: dying(files.fdatasyncSync),
      ftruncateSync: dying(files.ftruncateSync),
      linkSync: dying(files.linkSync),
      renameSync: dying(files.renameSync),
      rmSync: dying(files.rmSync),
    },
    steps,
  }
}
