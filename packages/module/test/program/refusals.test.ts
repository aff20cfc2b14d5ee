import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkProgram, compileProgram, ProgramRefused } from '@sealwright/module/program'
import { lowLimits, refusals, taken } from './refusals.ts'

test('every way in which a program is refused names its rule and says what is wrong', () => {
  for (const [i, [check, message, bytes]] of refusals.entries()) {
    assert.throws(
      () => checkProgram(bytes, lowLimits),
      (error) => error instanceof ProgramRefused && error.check === check && message.test(error.message),
      `${i}: ${check} ${message}`,
    )
  }
})

test('what is at a limit, or only looks forbidden, is taken', () => {
  for (const [i, bytes] of taken.entries()) {
    checkProgram(bytes, lowLimits)
    assert.ok(compileProgram(bytes, lowLimits).functions.size > 0, `${i}`)
  }
})
