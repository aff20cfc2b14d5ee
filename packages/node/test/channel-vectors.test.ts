import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  type ExchangeVector,
  exchangeMismatches,
  type Scp03Vector,
  type Scp11Vector,
  scp03Mismatches,
  scp11Mismatches,
} from '@sealwright/core/channel/testing'
import { portableCrypto } from '@sealwright/core/crypto'
import type { Crypto } from '@sealwright/core/ports'
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

test('[R4b] GENERAL AUTHENTICATE: the native backend agrees with what an independent program has computed', async (t) => {
  for (const vector of casesOf<ExchangeVector>('general-authenticate.json')) {
    await t.test(vector.name, async () => {
      assert.deepEqual(await exchangeMismatches(signingAsRfc6979, vector), [])
    })
  }
})

/** OpenSSL's signatures differ from one to the next; the vectors' are those of RFC 6979. All else is the native backend's, checking them too. */
const signingAsRfc6979: Crypto = {
  ...nodeCrypto,
  ecPrivateKey(scalar) {
    const native = nodeCrypto.ecPrivateKey(scalar)
    const portable = portableCrypto.ecPrivateKey(scalar)
    return {
      publicPoint: native.publicPoint,
      agree: (peer) => native.agree(peer),
      sign: (...parts) => portable.sign(...parts),
      [Symbol.dispose]() {
        native[Symbol.dispose]()
        portable[Symbol.dispose]()
      },
    }
  },
}
