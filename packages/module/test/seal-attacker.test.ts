import { test } from 'node:test'
import { attackedChips } from './seal-attacker.ts'

test('[D8e][R1b] whatever of its memory is put back, moved or changed between cuts: a chip is as it was told, or does not start', () => {
  attackedChips({ numRuns: 40 })
})
