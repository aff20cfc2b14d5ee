import type { SelfTestResult } from '@sealwright/core/catalog'
import { errorTable, SealwrightError } from '@sealwright/core/errors'

/** Whether what was thrown says that stored bytes are not what was written: what the electrical test looks for. */
export function isMemoryFailure(error: unknown): error is SealwrightError {
  // Files that are held, newer or not writable are matters of the host.
  return (
    error instanceof SealwrightError &&
    error.code.startsWith('memory-') &&
    errorTable[error.code].culprit === 'bytes'
  )
}

/** What SELF TEST says of such a failure. */
export function selfTestResultOf({ code }: SealwrightError): SelfTestResult {
  if (code === 'memory-rolled-back') return 'rolled-back'
  if (code === 'memory-tampered') return 'tampered'
  return code === 'memory-stale' ? 'stale' : 'damaged'
}
