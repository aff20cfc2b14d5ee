import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { portableCrypto } from '../../crypto/index.ts'
import { type Scp03Vector, scp03Mismatches } from '../testing/index.ts'

const path = new URL('../../../../../vectors/scp03.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Scp03Vector[] }

test('[R4b] SCP03: every published and own vector agrees, host and module side', async (t) => {
  for (const vector of cases) {
    await t.test(`${vector.name} (${vector.kind})`, () => {
      assert.deepEqual(scp03Mismatches(portableCrypto, vector), [])
    })
  }
})
