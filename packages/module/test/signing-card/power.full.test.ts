import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { parseCardLogEntry } from '@sealwright/core/signing-card'
import { orderedSerial, signingCardBench } from '../../src/testing/index.ts'
import { cutAt, issueCut, sound } from './cuts.ts'
import { current, power } from './world.ts'

const eepromSize = 32 * 1024

suite('power lost at every write', () => {
  test('[B15c][X6b] ISSUE CERTIFICATE: certificate, entry, event, ticket and time are there together, or none of them', async () => {
    await issueCut()
  })

  test('[B15c][B24a] MAKE UNIT KEY: the key with its log, or a card as it was', async () => {
    const bench = await signingCardBench({ crypto, until: 'blank', fixture: { eepromSize } })
    await cutAt(
      bench,
      'make unit key',
      () => bench.speakProtected('MAKE UNIT KEY', bench.keyOrder),
      async () => {
        const { objects } = bench.module.parts
        const kinds = ['signing-card', 'card-log'] as const
        const there = kinds.map((kind) => objects.list(kind).length > 0)
        assert.equal(new Set(there).size, 1)
        if (!there[0]) return false
        assert.equal((await sound(bench)).number, 1)
        return true
      },
    )
  })

  test('[B15c] STORE UNIT CERTIFICATE and ADMINISTER: the certificate or document in force with its entry, or neither', async () => {
    const bench = await signingCardBench({ crypto, until: 'key', fixture: { eepromSize } })
    const steps = [
      ['store unit certificate', 'STORE UNIT CERTIFICATE', bench.unit.encoded],
      ['roster', 'ADMINISTER', bench.people.signRoster()],
      ['ticket', 'ADMINISTER', bench.ticket()],
    ] as const
    for (const [at, [name, command, data]] of steps.entries()) {
      await cutAt(
        bench,
        name,
        () => bench.speak(command, data),
        async () => {
          const { number, state } = await sound(bench)
          assert.equal(state.roster, number >= 3 ? bench.people.roster.number : 0)
          assert.equal(state.ticket?.number, number >= 4 ? 1 : undefined)
          const unit = await bench.speak('GET DATA', new Uint8Array(0), 0xdf, 0x31)
          assert.equal(unit.sw, number >= 2 ? 0x9000 : 0x6a88)
          assert.ok(number === at + 1 || number === at + 2)
          return number === at + 2
        },
      )
    }
  })

  test('[B15d] an acknowledgement: the log as it was, or what was taken overwritten and noted', async () => {
    const bench = await signingCardBench({ crypto, fixture: { eepromSize } })
    const begin = await bench.order(orderedSerial)
    await bench.issue(bench.request(bench.orderedModule(), begin))
    const { chain, number } = (await bench.state()).log
    const document = bench.acknowledgement({ number, chain })
    await cutAt(
      bench,
      'acknowledgement',
      () => bench.speak('ADMINISTER', document),
      async () => {
        const found = await sound(bench)
        const numbers = (await bench.log()).map((bytes) => parseCardLogEntry(bytes).number)
        assert.deepEqual(numbers, found.number === 5 ? [1, 2, 3, 4, 5] : [1, 2, 6])
        return found.number === 6
      },
    )
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
