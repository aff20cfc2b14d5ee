import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  type Scp03Vector,
  type Scp11Vector,
  scp03Mismatches,
  scp11Mismatches,
} from '@sealwright/core/channel/testing'
import { nodeCrypto } from '../src/crypto/index.ts'

function casesOf<T>(name: string): readonly T[] {
  const path = new URL(`../../../vectors/${name}`, import.meta.url)
  return (JSON.parse(readFileSync(path, 'utf8')) as { cases: T[] }).cases
}

test('[R4b] SCP03 and SCP11: the native backend agrees with every published and own vector', async (t) => {
  for (const vector of casesOf<Scp03Vector>('scp03.json')) {
    await t.test(`${vector.name} (${vector.kind})`, () => {
      assert.deepEqual(scp03Mismatches(nodeCrypto, vector), [])
    })
  }
  for (const vector of casesOf<Scp11Vector>('scp11.json')) {
    await t.test(vector.name, () => {
      assert.deepEqual(scp11Mismatches(nodeCrypto, vector), [])
    })
  }
})
