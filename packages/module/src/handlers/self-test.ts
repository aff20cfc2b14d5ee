import { serializeSelfTest } from '@sealwright/core/customization'
import { requireBare } from '../dispatch/bare-command.ts'
import type { Call, Parts } from '../parts.ts'

/** SELF TEST: reads all memory through, as power-up does, and says what it found and how many bytes it read. */
export function selfTest(
  parts: Pick<Parts, 'testMemory'>,
  call: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  requireBare(call)
  return serializeSelfTest(parts.testMemory())
}
