import assert from 'node:assert/strict'
import { test } from 'node:test'
import { portableCrypto } from '@sealwright/core/crypto'
import fc from 'fast-check'
import type { ObjectKind } from '../eeprom/index.ts'
import { geometryFor } from '../medium/index.ts'
import type { OtpBit } from '../otp/index.ts'
import { everyPowerCut, objectScenario, sealedMemory } from './index.ts'

const changes = fc.array(
  fc.tuple(
    fc.constantFrom<ObjectKind>('key', 'event', 'software'),
    fc.nat(2),
    fc.option(fc.uint8Array({ maxLength: 3000 }), { nil: undefined }),
  ),
  { minLength: 1, maxLength: 5 },
)
const bit = fc.constantFrom<OtpBit | undefined>(undefined, 'test', 'mode-customization')

test('[R1b][R1c] many random transactions, every cut in every mode, half of them with every cut of the restart', async () => {
  let cuts = 0
  await fc.assert(
    fc.asyncProperty(
      changes,
      changes,
      bit,
      fc.integer({ min: 2, max: 10_000 }),
      async (before, after, otp, seed) => {
        const [first, then] = [before, after].map((list) =>
          list.map(([kind, id, bytes]) => ({ kind, id, bytes })),
        )
        const added = { kind: 'receipt', id: 9, bytes: Uint8Array.of(1) } as const
        const scenario = objectScenario('full', first!, [...then!, added], otp)
        const depth = seed % 2 === 0 ? 2 : 1
        const report = await everyPowerCut(scenario, { seeds: [1, seed], depth })
        cuts += report.cuts
      },
    ),
    { numRuns: 60, endOnFailure: true },
  )
  assert.ok(cuts > 5000, `${cuts} cuts`)
})

test('[R1b][R1c] random transactions on a sealed memory, every cut of start and restart in every mode', async () => {
  let cuts = 0
  await fc.assert(
    fc.asyncProperty(changes, bit, fc.integer({ min: 2, max: 10_000 }), async (after, otp, seed) => {
      const list = after.map(([kind, id, bytes]) => ({ kind, id, bytes }))
      const scenario = objectScenario(
        'sealed',
        [],
        [...list, { kind: 'receipt', id: 9, bytes: Uint8Array.of(1) }],
        otp,
      )
      const memory = sealedMemory(portableCrypto)
      cuts += (await everyPowerCut(scenario, { seeds: [1, seed], depth: 2, memory })).cuts
    }),
    { numRuns: 4, endOnFailure: true },
  )
  assert.ok(cuts > 500, `${cuts} cuts`)
})

test('[R1b] a transaction over many pages of a 256 KiB EEPROM survives every cut', async () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => (i * 7919) >> 3)
  const scenario = objectScenario(
    'large',
    [{ kind: 'software', id: 1, bytes: bytes.toReversed() }],
    [{ kind: 'software', id: 1, bytes }],
    undefined,
    geometryFor(),
  )
  const { cuts } = await everyPowerCut({ ...scenario, repeatable: false })
  assert.ok(cuts > 4 * 200, `${cuts} cuts`)
})
