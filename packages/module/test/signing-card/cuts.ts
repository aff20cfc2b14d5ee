import assert from 'node:assert/strict'
import { encodeHex } from '@sealwright/core/bytes'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { rebuildCertificates } from '@sealwright/core/signing-card'
import { type CutMode, type Medium, RamMedium } from '../../src/medium/index.ts'
import { type CardBench, cardSerial, everyPowerCut, signingCardBench } from '../../src/testing/index.ts'
import { current, power } from './world.ts'

const eepromSize = 32 * 1024

/** One command to a card at each write of which the power is cut; `done` says whether it took place, and that nothing of it is halved. */
export async function cutAt(
  bench: CardBench,
  name: string,
  work: () => Promise<{ readonly sw: number }>,
  done: () => Promise<boolean>,
  modes?: readonly CutMode[],
): Promise<void> {
  const before = current(bench).snapshot()
  const report = await everyPowerCut(
    {
      name,
      repeatable: true,
      prepare: () => before,
      async run(medium: Medium) {
        power(bench, medium)
        assert.equal((await work()).sw, 0x9000)
      },
      async check(medium) {
        power(bench, medium)
        return (await done()) ? 'new' : 'old'
      },
    },
    modes === undefined ? {} : { modes },
  )
  // What comes next begins where the command has taken place.
  power(bench, RamMedium.from(before))
  assert.equal((await work()).sw, 0x9000)
  assert.ok(report.cuts > (modes === undefined ? 20 : 5), `${name}: ${report.cuts} cuts`)
}

/** The log holds together, and its end is what the card's event chain says. */
export async function sound(bench: CardBench) {
  const log = await bench.log()
  const state = await bench.state()
  const rebuilt = rebuildCertificates(cardSerial, log, crypto)
  assert.deepEqual(rebuilt.chain, state.log.chain)
  assert.equal(rebuilt.number, state.log.number)
  const { events } = bench.module.parts
  assert.deepEqual(events.list(events.head()!.number)[0]?.digest, state.log.chain)
  return { ...rebuilt, state }
}

/** ISSUE CERTIFICATE cut at every write. */
export async function issueCut(modes?: readonly CutMode[]): Promise<void> {
  const bench = await signingCardBench({ crypto, fixture: { eepromSize } })
  const module = bench.orderedModule()
  const begin = await bench.order()
  const data = bench.request(module, begin)
  const heard = (await bench.state()).time
  const given = new Set<string>()
  await cutAt(
    bench,
    'issue certificate',
    async () => {
      const answer = await bench.issue(data)
      given.add(encodeHex(answer.data))
      return answer
    },
    async () => {
      const { certificates, state } = await sound(bench)
      const made = certificates.filter(({ role }) => role === 'module-operating')
      assert.ok(made.length <= 1)
      assert.equal(state.ticket?.used, made.length)
      assert.equal(state.time, made.length === 1 ? begin.time : heard)
      assert.equal(bench.module.parts.objects.list('card-log').length, 4 + made.length)
      return made.length === 1
    },
    modes,
  )
  // A cut takes the answer, never the one certificate: each that left the card stands in a log.
  assert.ok(given.size >= 1)
}
