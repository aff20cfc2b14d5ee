import { DecodeError } from '@sealwright/core/errors'

/** Reads what only the module itself writes: bytes that do not parse are damage, not somebody's wrong input. */
export function asDamage<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof DecodeError) || error.code !== 'bytes-malformed') throw error
    throw new DecodeError(error.message, { code: 'memory-damaged', cause: error })
  }
}
