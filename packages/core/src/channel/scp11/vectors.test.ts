import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { portableCrypto } from '../../crypto/index.ts'
import { type Scp11Vector, scp11Mismatches } from '../testing/index.ts'

const path = new URL('../../../../../vectors/scp11.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Scp11Vector[] }

test('[R4b] SCP11: every published and own vector agrees, host and module side', async (t) => {
  for (const vector of cases) {
    await t.test(`${vector.name}`, () => {
      assert.deepEqual(scp11Mismatches(portableCrypto, vector), [])
    })
  }
})
