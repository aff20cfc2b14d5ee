import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { test } from 'node:test'
import { ascii, concat, equal } from '@sealwright/core/bytes'
import { documentKeyId } from '@sealwright/core/cbor'
import { portableCrypto } from '@sealwright/core/crypto'
import {
  type Matter,
  openPinReset,
  parsePinResetRequest,
  preparePinReset,
  serializePinResetRequest,
} from '@sealwright/core/people'
import { fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import { memoryPorts, type PartyPorts, type Store } from '../ports/index.ts'
import {
  beginTwoPins,
  changePin,
  confirmWithPin,
  guardedVault,
  mostTries,
  parsePinHolder,
  parsePinRequest,
  parsePinRules,
  pinHolders,
  pinPatience,
  pinRules,
  requestPinReset,
  requestWithPin,
  resetPin,
  type SlowHash,
  serializePinHolder,
  serializePinRequest,
  serializePinRules,
  setPin,
  type TwoPinsWorld,
  twoPinsLabel,
  waitingRequest,
} from './index.ts'

const cost = { logN: 10, r: 1, p: 1 }
const slowHash: SlowHash = async (pin, salt, { logN, r, p }) =>
  new Uint8Array(scryptSync(pin, salt, 32, { N: 2 ** logN, r, p }))
const matterOf = (last: number): Matter => ({
  action: 'personalize',
  object: {
    module: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, last),
    customer: new Uint8Array(16).fill(1),
    central: new Uint8Array(32).fill(2),
  },
})
const matter = matterOf(1)
const [alice, bob] = [ascii('alice-4711'), ascii('bob-0815')]

interface Scene {
  /** Seconds that pass; a clock of the world can go back. */
  readonly clock: { advance(seconds: number): void }
  readonly central: PartyPorts
  readonly ports: PartyPorts
  /** The same machine in a session of its own. */
  session(): TwoPinsWorld
}

let count = 0
async function scene(wrap: (store: Store) => Store = (store) => store): Promise<Scene> {
  let time = 1_800_000_000
  const clock = {
    now: () => time,
    advance(seconds: number) {
      time += seconds
    },
  }
  const entropy = scriptedEntropy(`two pins ${count++}`)
  const central = await memoryPorts('central', { clock, entropy })
  const plain = await memoryPorts('unit', { clock, entropy })
  const ports = { ...plain, store: wrap(plain.store) }
  await ports.vault.createPair('signing')
  const point = await central.vault.createPair('session')
  await beginTwoPins({ ports }, { key: 'signing', central: point })
  const session = () => ({ ports, slowHash, cost, session: entropy.bytes(16) })
  await setPin(session(), 'alice', alice)
  await setPin(session(), 'bob', bob)
  return { clock, central, ports, session }
}

async function agree({ session }: Scene, about = matter): Promise<Uint8Array> {
  const { nonce } = await requestWithPin(session(), { id: 'alice', pin: alice, matter: about })
  await confirmWithPin(session(), { id: 'bob', pin: bob, nonce })
  return nonce
}

async function signing({ ports }: Scene, about: Matter | undefined = matter): Promise<string[]> {
  const told: string[] = []
  const vault = guardedVault(
    ports,
    () => about,
    ({ requester, confirmer }) => told.push(requester, confirmer),
  )
  await vault.sign('signing', ascii('certificate'))
  await vault.sign('signing', ascii("the same run's second signature"))
  return told
}

test('[R9c] what one person asks for and another confirms in another session is signed, once', async () => {
  const here = await scene()
  await agree(here)
  assert.deepEqual(await signing(here), ['alice', 'bob'])
  await assert.rejects(signing(here), { code: 'pins-missing' })
})

test('[R9c] one person alone signs nothing, and other keys sign as ever', async () => {
  const here = await scene()
  await assert.rejects(signing(here), { code: 'pins-missing' })
  const { nonce } = await requestWithPin(here.session(), { id: 'alice', pin: alice, matter })
  await assert.rejects(signing(here), { code: 'pins-missing' })
  await assert.rejects(guardedVault(here.ports, () => undefined).sign('signing', ascii('x')), {
    code: 'pins-missing',
  })
  assert.equal((await waitingRequest(here.ports, nonce)).requester, 'alice')
  const vault = guardedVault(here.ports, () => undefined)
  assert.equal((await vault.sign('log-signing', ascii('entry'))).length, 64)
})

test('[R9c] who asks does not confirm, whatever the session; nor does another person in the same session', async () => {
  const here = await scene()
  const first = here.session()
  const { nonce } = await requestWithPin(first, { id: 'alice', pin: alice, matter })
  await assert.rejects(confirmWithPin(here.session(), { id: 'alice', pin: alice, nonce }), {
    code: 'pins-refused',
    message: /another person/,
  })
  await assert.rejects(confirmWithPin(first, { id: 'bob', pin: bob, nonce }), {
    code: 'pins-refused',
    message: /another one/,
  })
  await assert.rejects(signing(here), { code: 'pins-missing' })
  // A record that was written by hand to say that one person is both.
  const request = await waitingRequest(here.ports, nonce)
  const name = (await here.ports.store.list('pins/requests/'))[0]!
  const both = { ...request, confirmed: { by: 'alice', at: request.at } }
  await here.ports.store.write(name, serializePinRequest(both))
  await assert.rejects(signing(here), { code: 'pins-missing' })
})

test('[R9c] an agreement on another module, customer or central system lets nothing be signed', async () => {
  const here = await scene()
  await agree(here, matterOf(2))
  await assert.rejects(signing(here), { code: 'pins-missing' })
  const { object } = matter as Extract<Matter, { action: 'personalize' }>
  for (const other of [{ customer: new Uint8Array(16) }, { central: new Uint8Array(32) }]) {
    await assert.rejects(signing(here, { action: 'personalize', object: { ...object, ...other } }), {
      code: 'pins-missing',
    })
  }
  await assert.rejects(
    signing(here, { action: 'terminate', object: { module: matterOf(2).object.module } } as Matter),
    { code: 'pins-missing' },
  )
  assert.deepEqual(await signing(here, matterOf(2)), ['alice', 'bob'])
})

test('[R9c] a request and a confirmation grow old, and a clock that goes back makes none young', async () => {
  const here = await scene()
  const { nonce } = await requestWithPin(here.session(), { id: 'alice', pin: alice, matter })
  here.clock.advance(pinPatience + 1)
  await assert.rejects(confirmWithPin(here.session(), { id: 'bob', pin: bob, nonce }), {
    code: 'pins-refused',
  })
  await agree(here)
  here.clock.advance(pinPatience + 1)
  await assert.rejects(signing(here), { code: 'pins-missing' })
  here.clock.advance(-2 * pinPatience - 60)
  await assert.rejects(signing(here), { code: 'pins-missing' })
  await assert.rejects(confirmWithPin(here.session(), { id: 'bob', pin: bob, nonce }), {
    code: 'pins-refused',
  })
})

test('a confirmation does not come twice, nor after the use, nor for what nobody asked', async () => {
  const here = await scene()
  const nonce = await agree(here)
  const again = { id: 'bob', pin: bob, nonce }
  await assert.rejects(confirmWithPin(here.session(), again), {
    code: 'pins-refused',
    message: /was confirmed/,
  })
  await signing(here)
  await assert.rejects(confirmWithPin(here.session(), again), { code: 'pins-refused', message: /used up/ })
  await assert.rejects(confirmWithPin(here.session(), { ...again, nonce: new Uint8Array(16) }), {
    code: 'pins-refused',
    message: /no such request/,
  })
})

test('[R9c] each try is on the disk before the PIN is compared; five wrong ones lock it, the right one then too', async () => {
  const here = await scene()
  const tries = async () => (await pinHolders(here.ports)).find(({ id }) => id === 'bob')!.triesLeft
  const seen: number[] = []
  const watching: TwoPinsWorld = {
    ...here.session(),
    async slowHash(pin, salt, of) {
      seen.push(await tries())
      return slowHash(pin, salt, of)
    },
  }
  const wrong = { id: 'bob', pin: ascii('bob-0816'), matter }
  for (let left = mostTries - 1; left > 0; left--) {
    await assert.rejects(requestWithPin(watching, wrong), { code: 'pin-wrong', details: { triesLeft: left } })
  }
  // The last try that is left is enough for the right one, and all are back.
  await requestWithPin(watching, { ...wrong, pin: bob })
  assert.deepEqual(seen, [4, 3, 2, 1, 0])
  assert.equal(await tries(), mostTries)
  for (let i = 1; i < mostTries; i++)
    await assert.rejects(requestWithPin(watching, wrong), { code: 'pin-wrong' })
  await assert.rejects(requestWithPin(watching, wrong), { code: 'pin-locked' })
  seen.length = 0
  await assert.rejects(requestWithPin(watching, { ...wrong, pin: bob }), { code: 'pin-locked' })
  assert.deepEqual(seen, [], 'a locked PIN is not compared any more')
  await assert.rejects(changePin(here.session(), 'bob', { old: bob, fresh: ascii('new-pin-1') }), {
    code: 'pin-locked',
  })
  await requestWithPin(here.session(), { id: 'alice', pin: alice, matter })
})

test('[R9c] a process that dies while it compares has spent the try', async () => {
  const here = await scene()
  const dying: TwoPinsWorld = {
    ...here.session(),
    slowHash: async () => {
      throw new Error('the process died')
    },
  }
  for (let i = 0; i < mostTries; i++) {
    await assert.rejects(requestWithPin(dying, { id: 'bob', pin: bob, matter }), /died/)
  }
  await assert.rejects(requestWithPin(here.session(), { id: 'bob', pin: bob, matter }), {
    code: 'pin-locked',
  })
})

test('where the count cannot be written nothing is compared', async () => {
  let isFull = false
  const here = await scene((store) => ({
    ...store,
    async write(name, bytes) {
      if (isFull) throw new Error('no room')
      return store.write(name, bytes)
    },
  }))
  isFull = true
  let compared = 0
  const watching: TwoPinsWorld = {
    ...here.session(),
    async slowHash(...args) {
      compared++
      return slowHash(...args)
    },
  }
  await assert.rejects(requestWithPin(watching, { id: 'bob', pin: bob, matter }), /no room/)
  assert.equal(compared, 0)
})

test('where the use cannot be written down nothing is signed', async () => {
  let isFull = false
  let signed = 0
  const here = await scene((store) => ({
    ...store,
    async write(name, bytes) {
      if (isFull) throw new Error('no room')
      return store.write(name, bytes)
    },
  }))
  await agree(here)
  isFull = true
  const counting: PartyPorts = {
    ...here.ports,
    vault: {
      ...here.ports.vault,
      async sign(...args) {
        signed++
        return here.ports.vault.sign(...args)
      },
    },
  }
  await assert.rejects(signing({ ...here, ports: counting }), /no room/)
  assert.equal(signed, 0)
  isFull = false
  assert.deepEqual(await signing({ ...here, ports: counting }), ['alice', 'bob'])
})

test('[R9c] the central system unlocks: its signature, for this key, once', async () => {
  const here = await scene()
  const { crypto, store } = here.ports
  for (let i = 0; i < mostTries; i++) {
    await assert.rejects(requestWithPin(here.session(), { id: 'bob', pin: alice, matter }))
  }
  const granted = async (by: PartyPorts, key: string, request: Uint8Array) => {
    const document = preparePinReset(parsePinResetRequest(request), await by.vault.publicPoint(key), crypto)
    return document.finish(await by.vault.sign(key, document.toBeSigned))
  }
  const request = await requestPinReset(here.ports, 'bob', 'unlock')
  // The unit's own key, and a reset for another unit.
  await assert.rejects(resetPin(here.ports, await granted(here.ports, 'signing', request)), {
    code: 'not-trusted',
  })
  const elsewhere = serializePinResetRequest({ ...parsePinResetRequest(request), actor: new Uint8Array(16) })
  await assert.rejects(resetPin(here.ports, await granted(here.central, 'session', elsewhere)), {
    code: 'not-trusted',
  })
  assert.equal((await pinHolders(here.ports))[1]!.triesLeft, 0)
  const document = await granted(here.central, 'session', request)
  const changed = document.slice()
  changed[changed.length - 1]! ^= 1
  await assert.rejects(resetPin(here.ports, changed), { code: 'not-trusted' })
  assert.equal((await resetPin(here.ports, document)).id, 'bob')
  await requestWithPin(here.session(), { id: 'bob', pin: bob, matter })
  await assert.rejects(resetPin(here.ports, document), { code: 'not-trusted', message: /was used/ })
  // Forgetting makes room for another person; until then nobody confirms.
  const forget = await granted(here.central, 'session', await requestPinReset(here.ports, 'bob', 'forget'))
  await resetPin(here.ports, forget)
  assert.deepEqual(
    (await pinHolders(here.ports)).map(({ id }) => id),
    ['alice'],
  )
  await setPin(here.session(), 'carol', bob)
  await assert.rejects(setPin(here.session(), 'dave', bob), { code: 'pins-refused' })
  assert.equal((await store.list('pins/holders/')).length, 2)
})

test('an agreement of a person who was forgotten since does not count', async () => {
  const here = await scene()
  await agree(here)
  const document = preparePinReset(
    parsePinResetRequest(await requestPinReset(here.ports, 'bob', 'forget')),
    await here.central.vault.publicPoint('session'),
    here.ports.crypto,
  )
  await resetPin(here.ports, document.finish(await here.central.vault.sign('session', document.toBeSigned)))
  await assert.rejects(signing(here), { code: 'pins-missing' })
})

test('a PIN is changed with the old one; one that is short, or of somebody unknown, is refused', async () => {
  const here = await scene()
  const fresh = ascii('fresh-pin')
  await assert.rejects(changePin(here.session(), 'bob', { old: alice, fresh }), { code: 'pin-wrong' })
  await changePin(here.session(), 'bob', { old: bob, fresh })
  await assert.rejects(requestWithPin(here.session(), { id: 'bob', pin: bob, matter }), { code: 'pin-wrong' })
  await requestWithPin(here.session(), { id: 'bob', pin: fresh, matter })
  await assert.rejects(changePin(here.session(), 'bob', { old: fresh, fresh: ascii('12345') }), {
    code: 'usage',
  })
  for (const id of ['carol', '../holders/bob', 'BOB', '']) {
    await assert.rejects(requestWithPin(here.session(), { id, pin: bob, matter }), { code: 'usage' })
  }
  await assert.rejects(setPin(here.session(), 'bob', bob), { code: 'usage' })
  // One person's record under another name would make one person two.
  const record = (await here.ports.store.read('pins/holders/alice'))!
  await here.ports.store.write('pins/holders/bob', record)
  await assert.rejects(requestWithPin(here.session(), { id: 'bob', pin: alice, matter }), { code: 'usage' })
})

test('no PIN and nothing that tells one quickly lies in the store', async () => {
  const here = await scene()
  await agree(here)
  for (const name of await here.ports.store.list()) {
    const bytes = Buffer.from((await here.ports.store.read(name))!)
    for (const pin of [alice, bob]) {
      assert.ok(!bytes.includes(Buffer.from(pin)))
      assert.ok(!bytes.includes(Buffer.from(portableCrypto.sha256(pin))))
    }
  }
  const [one, two] = await pinHolders(here.ports)
  assert.ok(!equal(one!.salt, two!.salt))
})

test('rules stay with their key and central system', async () => {
  const here = await scene()
  const rules = (await pinRules(here.ports))!
  assert.deepEqual(
    await beginTwoPins({ ports: here.ports }, { key: 'signing', central: rules.central }),
    rules,
    'the same again changes nothing',
  )
  assert.deepEqual(rules.actor, documentKeyId(await here.ports.vault.publicPoint('signing'), portableCrypto))
  await assert.rejects(
    beginTwoPins({ ports: here.ports }, { key: 'signing', central: new Uint8Array(65).fill(4) }),
    { code: 'pins-refused' },
  )
  assert.match(twoPinsLabel, /one machine/)
})

test('the records have one form', async () => {
  const nonce = new Uint8Array(16).fill(9)
  const request = { nonce, matter, requester: 'alice', at: 5, session: nonce }
  const confirmed = { ...request, confirmed: { by: 'bob', at: 6 } }
  const reset = { id: 'bob', change: 'unlock', actor: nonce, nonce } as const
  const holder = { id: 'bob', salt: nonce, cost, verifier: new Uint8Array(32).fill(3), triesLeft: 2 }
  const rules = { key: 'signing', actor: nonce, central: new Uint8Array(65).fill(4), nonce }
  const cases: [unknown, (value: never) => Uint8Array, (bytes: Uint8Array) => unknown][] = [
    [request, serializePinRequest, parsePinRequest],
    [confirmed, serializePinRequest, parsePinRequest],
    [{ ...confirmed, usedAt: 7 }, serializePinRequest, parsePinRequest],
    [reset, serializePinResetRequest, parsePinResetRequest],
    [holder, serializePinHolder, parsePinHolder],
    [rules, serializePinRules, parsePinRules],
  ]
  for (const [value, serialize, parse] of cases) {
    const bytes = serialize(value as never)
    assert.deepEqual(parse(bytes), value)
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parse(bytes.subarray(0, length)), { code: 'bytes-malformed' })
    }
    assert.throws(() => parse(concat(bytes, Uint8Array.of(0))), { code: 'bytes-malformed' })
  }
  const parse = (value: object) => parsePinHolder(serializePinHolder({ ...holder, ...value }))
  assert.throws(() => parse({ triesLeft: mostTries + 1 }), { code: 'bytes-malformed' })
  assert.throws(() => parse({ cost: { logN: 40, r: 8, p: 1 } }), { code: 'bytes-malformed' })
  assert.throws(() => parse({ id: '../x' }), { code: 'bytes-malformed' })
  const central = await memoryPorts('central', { clock: fixedClock(1), entropy: scriptedEntropy('laws') })
  const point = await central.vault.createPair('session')
  const document = preparePinReset(reset, point, portableCrypto)
  const signed = document.finish(await central.vault.sign('session', document.toBeSigned))
  assert.deepEqual(openPinReset(signed, point, portableCrypto), reset)
})
