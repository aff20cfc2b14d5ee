import { test } from 'node:test'
import { wrongSetUps } from './wrong-set-ups.ts'

test('10,000 set-ups with a wrong key leave a card that is no test card as it was, but for its counter', () => {
  wrongSetUps(10_000)
})
