import { parseCommand, serializeResponse } from '@sealwright/core/apdu'
import { commands, type StatusWord, statusWords } from '@sealwright/core/catalog'
import { serializeSelfTest } from '@sealwright/core/customization'
import { DecodeError, type SealwrightError } from '@sealwright/core/errors'
import { selfTestResultOf } from '../self-test/index.ts'

/**
 * A chip whose electrical test failed at power-up (Fig. 4, boxes 400 and 401). It waits as others do, says to SELF TEST what failed,
 * refuses all else, and touches no memory: neither key nor vector is believed of a chip like that.
 */
export class FailedModule {
  readonly failure: SealwrightError

  constructor(failure: SealwrightError) {
    this.failure = failure
  }

  /** Nothing is volatile here. */
  reset(): void {}

  /** One command in, one answer out; never throws. */
  transmit(bytes: Uint8Array): Uint8Array {
    try {
      const { cla, ins, p1, p2, data } = parseCommand(bytes)
      const asked = cla === 0x80 && ins === commands['SELF TEST'].ins && p1 === 0 && p2 === 0
      if (!asked || data.length > 0) return answer('memory-failure')
      return answer('success', serializeSelfTest({ result: selfTestResultOf(this.failure), bytesRead: 0 }))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return answer('wrong-length')
    }
  }
}

function answer(status: StatusWord, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  return serializeResponse({ data, sw: statusWords[status].sw })
}
