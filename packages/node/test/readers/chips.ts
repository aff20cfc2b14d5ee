import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { launcher } from './readers.ts'

/** A finished module, awaiting personalization; with the papers of its life beside it. @param folder new or empty */
export function finishedChip(folder: string): string {
  const words = [launcher, 'demo', '--keep', folder, '--until', 'factory', '--json']
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`no chip: ${stderr}${stdout}`)
  return join(folder, 'chips/cash.chip')
}
