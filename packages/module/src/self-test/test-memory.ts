import type { SelfTest } from '@sealwright/core/customization'
import { checkModeMark, type Memory } from '../eeprom/index.ts'
import { areaNames, areaOf, type Medium } from '../medium/index.ts'
import { checkOtp } from '../otp/index.ts'
import { isMemoryFailure, selfTestResultOf } from './memory-failure.ts'

/**
 * The electrical test of a chip that has started: every page of every area is read, then what power-up compares is compared again. Ends
 * at the first fault. Changes nothing.
 */
export function testMemory(medium: Medium, { nvm, objects, otp }: Memory): SelfTest {
  let bytesRead = 0
  try {
    for (const name of areaNames) {
      const { first, pages } = areaOf(medium.geometry, name)
      for (let page = first; page < first + pages; page++) bytesRead += medium.lend(page).length
    }
    checkOtp(otp)
    checkModeMark(nvm)
    objects.entries()
    return { result: 'good', bytesRead }
  } catch (error) {
    if (!isMemoryFailure(error)) throw error
    return { result: selfTestResultOf(error), bytesRead }
  }
}
