import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeCertificates } from './certificates.ts'
import { atrOfUsbKey, needClients, PlainCard, tellWhyNoClients } from './plain-card.ts'

const missing = tellWhyNoClients(import.meta.url, { programs: ['openssl', 'opensc-tool'], python: true })

test('yubikit and its device tests are here, or this is not CI', () => needClients(missing))

if (missing === undefined) {
  let card: PlainCard
  before(async () => {
    card = await PlainCard.insert()
  })
  after(() => card?.stop())

  for (const [how, options] of [
    ['short APDUs and command chaining', []],
    ['extended APDUs', ['--atr', atrOfUsbKey]],
  ] as const) {
    test(`[E1c] yubikit's SecurityDomainSession does all it can, with ${how}`, async () => {
      await card.reinsert(options)
      const facts = await card.python('security_domain.py', [makeCertificates(card.folder())])
      const scp03 = (kvn: string): string[] => ['01', '02', '03'].map((kid) => `${kid}/${kvn}`)
      const ofCa = ['10/05', '11/05', '13/01', '13/06', '15/05']
      assert.deepEqual(facts, {
        factory: [...scp03('FF'), '13/01'],
        cardData: facts['cardData'],
        refusedInClear: '6982',
        refusedIn11b: ['6982', '6982', '6982'],
        ownKeys: [...scp03('02'), '13/01'],
        replaced: [...scp03('03'), '13/01'],
        ecKeys: [...scp03('03'), ...ofCa],
        refusedStranger: '6640',
        refusedBrokenChain: '6640',
        refusedWrongOrder: '6640',
        refusedUnknownCa: '6A88',
        refusedIn11c: ['6985', '6985', '6985'],
        refusedByAllowList: '6641',
        refusedLeafNotListed: '6641',
        refusedAbsent: '6A88',
        afterKvn5: [...scp03('03'), '13/01', '13/06'],
        afterKid13: scp03('03'),
        refusedLast: '6985',
        afterReset: [...scp03('FF'), '13/01'],
      })
      assert.match(String(facts['cardData']), /^06072A864886FC6B01/)
      const [, keys] = await card.send('00A4040000', '80CA00E000')
      assert.match(keys!, /C00401FF8810/)
    })
  }

  test("[E1c] yubikey-manager's own device tests of the security domain pass, unchanged", async () => {
    await card.reinsert()
    const report = join(card.folder(), 'report.xml')
    const { stdout, stderr } = await card.pytest(
      ['device/test_securitydomain.py', 'device/cli/test_securitydomain.py'],
      report,
    )
    const [, tests, bad] =
      /<testsuite [^>]*errors="0" failures="0" skipped="0" tests="(\d+)"/.exec(
        readFileSync(report, 'utf8'),
      ) ?? []
    assert.equal(bad, undefined)
    assert.equal(Number(tests), 15, stdout + stderr)
  })
}
