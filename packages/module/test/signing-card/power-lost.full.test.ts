import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { signingCardBench } from '../../src/testing/index.ts'
import { issueCut } from './cuts.ts'
import { current, power } from './world.ts'

const eepromSize = 32 * 1024

suite('power lost while the card signs', () => {
  test('[B15c][X6b] certificate, entry, event, ticket and time are there together, or none of them', async () => {
    await issueCut(['whole'])
  })

  test('[B15c] a certificate that left the card before the power went is the one that the card gives again', async () => {
    const bench = await signingCardBench({ crypto, fixture: { eepromSize } })
    const module = bench.orderedModule()
    const begin = await bench.order()
    const data = bench.request(module, begin)
    const { data: first } = await bench.issue(data)
    // The answer was lost, and so was the power.
    power(bench, current(bench).clone())
    assert.deepEqual((await bench.issue(data)).data, first)
    assert.equal((await bench.state()).ticket?.used, 1)
  })
})
