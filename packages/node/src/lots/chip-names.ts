import { readdirSync } from 'node:fs'
import { onFile } from '../files/index.ts'

/** What a chip file's name ends with where chips lie together. */
export const chipEnding = '.chip'

/** The chip files of a folder by their names, sorted; nothing below it, and nothing that begins with a dot. */
export function chipNames(folder: string): string[] {
  return onFile(folder, () =>
    readdirSync(folder)
      .filter((name) => name.endsWith(chipEnding) && !name.startsWith('.'))
      .sort(),
  )
}
