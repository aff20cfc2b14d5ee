import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkProgram, ProgramRefused } from '@sealwright/module/program'
import { lowLimits, refusals } from './refusals.ts'

test('every way in which a program is refused names its rule and says what is wrong', () => {
  for (const [i, [check, message, bytes]] of refusals.entries()) {
    assert.throws(
      () => checkProgram(bytes, lowLimits),
      (error) => error instanceof ProgramRefused && error.check === check && message.test(error.message),
      `${i}: ${check} ${message}`,
    )
  }
})
