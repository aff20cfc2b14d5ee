import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { portableCrypto } from '../../crypto/index.ts'
import { type ExchangeVector, exchangeMismatches } from '../testing/index.ts'

const path = new URL('../../../../../vectors/general-authenticate.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: ExchangeVector[] }

test('[R4b] GENERAL AUTHENTICATE: every vector of an independent program agrees, host and module side', async (t) => {
  for (const vector of cases) {
    await t.test(vector.name, async () => {
      assert.deepEqual(await exchangeMismatches(portableCrypto, vector), [])
    })
  }
})
