import { after, before, test } from 'node:test'
import { Cuts } from './interruption.ts'

const cuts = new Cuts()
after(() => cuts.close())
before(() => cuts.prepare(['unlock']))

test('unlock, killed half-way and run again, ends right', () =>
  cuts.cut('unlock', Math.floor(cuts.steps('unlock') / 2)))
