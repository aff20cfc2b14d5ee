import { statusWordName, statusWords } from '@sealwright/core/catalog'
import { RefusedError } from '@sealwright/core/errors'

/** The error for a status word other than 9000: what it means here; its code names the next step. */
export function refused(command: string, sw: number): RefusedError {
  const name = statusWordName(sw)
  const hex = sw.toString(16).toUpperCase().padStart(4, '0')
  const details = { command, statusWord: hex }
  if (name === undefined || name === 'success') {
    return new RefusedError(sw, `${command} was refused with ${hex}`, { details })
  }
  return new RefusedError(sw, `${command} was refused with ${hex}: ${statusWords[name].meaning}`, {
    code: `module-${name}`,
    details,
  })
}

/** Runs one step of a channel's set-up; a refusal inside it gets its explanation. */
export async function explained<T>(command: string, step: Promise<T>): Promise<T> {
  try {
    return await step
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'module-refused')
      throw refused(command, error.statusWord)
    throw error
  }
}
