import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { equal } from '@sealwright/core/bytes'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { rebuildCertificates } from '@sealwright/core/signing-card'
import { checkPath, parseCertificate } from '@sealwright/core/x509'
import { cardSerial, fixtureTime, orderedSerial, signingCardBench } from '../testing/index.ts'

suite('signing card', () => {
  test('[B3a][X6c] a card certifies the key of the ordered module', async () => {
    const bench = await signingCardBench({ crypto })
    const module = bench.orderedModule()
    const begin = await bench.order()
    const answer = await bench.issue(bench.request(module, begin))
    assert.equal(answer.sw.toString(16), '9000')
    const certificate = parseCertificate(answer.data)
    const path = {
      ...{ chain: [certificate, bench.unit], anchor: bench.fixture.manufacturer.certificate },
      ...{ role: 'module-operating' as const, at: fixtureTime, serial: orderedSerial },
    }
    assert.ok(checkPath(path, crypto).ok)
    assert.deepEqual(certificate.publicPoint, module.operatingKey.publicPoint)
    assert.deepEqual(certificate.binding?.nonce, begin.nonce)
    assert.equal(certificate.ticket?.number, 1)
    const { certificates } = rebuildCertificates(cardSerial, await bench.log(), crypto)
    assert.ok(certificates.some((one) => equal(one.certificate.encoded, answer.data)))
  })
})
