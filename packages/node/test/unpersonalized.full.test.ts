import assert from 'node:assert/strict'
import { test } from 'node:test'
import { personalizable, refuseOthers, unpersonalized } from './unpersonalized.ts'

for (const product of personalizable) {
  test(`[B20b] ${product}: every class and every instruction from 00 to FF that the list does not name is refused without a write`, () => {
    const classes = Array.from({ length: 0x100 }, (_, cla) => cla)
    assert.ok(refuseOthers(unpersonalized(product), classes) > 120_000)
  })
}
