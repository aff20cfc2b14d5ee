import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { serializeCertificateOrder } from '@sealwright/core/signing-card'
import { RamMedium } from '../../src/medium/index.ts'
import { restoreMemory } from '../../src/restore/index.ts'
import { fixtureTime, orderedSerial, signingCardBench } from '../../src/testing/index.ts'
import { current, from, power } from './world.ts'

const digest = crypto.sha256(ascii('the backup'))

suite('a backup of a signing card that is put back', () => {
  for (const [name, readable] of [
    ['after it has signed', true],
    ['where the chip file is lost', false],
    ['with nothing done since', true],
  ] as const) {
    test(`[X6b] ${name}: the card signs nothing more, takes nothing more, and shows its log`, async () => {
      const bench = await signingCardBench({ crypto })
      const begin = await bench.order()
      const backup = current(bench).clone()
      const data = bench.request(bench.orderedModule(), begin)
      if (!name.includes('nothing')) assert.equal((await bench.issue(data)).sw, 0x9000)
      const present = RamMedium.from(current(bench).snapshot())
      restoreMemory({ backup, digest, crypto, ...(readable ? { present } : {}) })
      power(bench, backup)
      const { refused } = from(bench)
      power(bench, backup)
      const order = serializeCertificateOrder({ serial: orderedSerial, time: fixtureTime + 1 })
      const later = bench.certifyUnit({ notBefore: bench.unit.notBefore + 1 })
      for (const [command, bytes] of [
        ['ISSUE CERTIFICATE', data],
        ['ORDER CERTIFICATE', order],
        ['ADMINISTER', bench.ticket({ number: 2 })],
        ['STORE UNIT CERTIFICATE', later.encoded],
      ] as const) {
        assert.equal(await refused(() => bench.speak(command, bytes)), '6985', command)
      }
      assert.equal((await bench.log()).length, 4)
      assert.equal((await bench.state()).ticket?.used, 0)
    })
  }

  test('[B24a] a backup of before the key was made makes no second one', async () => {
    const bench = await signingCardBench({ crypto, until: 'blank' })
    const backup = current(bench).clone()
    assert.equal((await bench.speakProtected('MAKE UNIT KEY', bench.keyOrder)).sw, 0x9000)
    restoreMemory({ backup, present: RamMedium.from(current(bench).snapshot()), digest, crypto })
    power(bench, backup)
    assert.equal((await bench.speakProtected('MAKE UNIT KEY', bench.keyOrder)).sw, 0x6985)
  })
})
