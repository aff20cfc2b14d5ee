import { test } from 'node:test'
import { attackedChips } from './seal-attacker.ts'

test('[D8e][R1b] a great many memories put back, moved and changed', () => {
  attackedChips({ numRuns: 1200 })
})
