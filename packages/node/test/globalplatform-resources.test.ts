import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, exchange, type Response } from '@sealwright/core/apdu'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { openScp03 } from '@sealwright/core/channel/scp03'
import { protectedTransport } from '@sealwright/core/channel/secure-messaging'
import {
  type InstallRequest,
  installPurposes,
  parseConfirmation,
  parsePrivileges,
  parseRegistryEntries,
  privilegesOf,
  serializeDeleteRequest,
  serializeInstallRequest,
} from '@sealwright/core/globalplatform'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  bankAid,
  bankRequest,
  type Draft,
  document,
  done,
  loaded,
  operate,
  type ResourceWorld,
  resourceWorld,
} from './resources-world.ts'

const entropy = scriptedEntropy('keys of the issuer security domain')
const keys = [entropy.bytes(16), entropy.bytes(16), entropy.bytes(16)] as const
const none = new Uint8Array(0)
const [cardLoadFile, cardModule] = [decodeHex('A0000001515350'), decodeHex('A000000151535041')]
const instance = { loadFile: cardLoadFile, module: cardModule, privileges: privilegesOf(), parameters: none }

interface Managed extends ResourceWorld {
  /** Sends in a channel with the issuer security domain. */
  send(ins: number, p1: number, p2: number, data: Uint8Array): Promise<Response>
  install(request: InstallRequest): Promise<Response>
  remove(aid: Uint8Array, token?: Uint8Array, p2?: number): Promise<Response>
}

/** A full module whose issuer security domain has keys, and who holds them. */
async function managedWorld(): Promise<Managed> {
  const world = await resourceWorld({
    prepare: ({ tx, keys: store }) => {
      for (const [i, key] of keys.entries()) store.putAes(tx, 0xfd00_3001 + i, key)
    },
  })
  const { crypto } = world
  const send = async (ins: number, p1: number, p2: number, data: Uint8Array): Promise<Response> => {
    const [enc, mac, dek] = keys.map((key) => crypto.aes(key))
    const session = await openScp03(world.transport, {
      ...{ crypto, keyVersion: 0x30, level: 0x33, hostChallenge: decodeHex('0102030405060708') },
      keys: { enc: enc!, mac: mac!, dek: dek! },
    })
    const sent = command({ cla: 0x80, ins, p1, p2, data, le: 0x100, extended: data.length > 0xd0 })
    const answer = await exchange(protectedTransport(world.transport, session), sent)
    // Leaves no channel behind.
    await exchange(world.transport, command({ cla: 0x00, ins: 0xa4, p1: 0x04, le: 0x100 }))
    return answer
  }
  return {
    ...world,
    send,
    install: (request) => send(0xe6, installPurposes[request.purpose], 0, serializeInstallRequest(request)),
    remove: (aid, token, p2 = 0) =>
      send(0xe4, 0, p2, serializeDeleteRequest({ kind: 'content', aid, ...(token && { token }) })),
  }
}

/** All that is kept, but for the counter that a set-up of the channel moves. */
function kept(world: ResourceWorld): string {
  const { objects, definitions } = world.fixture.module.parts
  const { resources } = world.fixture.module.parts.nvm.zones
  const list = objects.list().filter(({ kind }) => kind !== 'sequence-counter')
  const bytes = list.map(({ kind, id }) => `${kind} ${id} ${encodeHex(objects.read(kind, id)!)}`)
  const zone = world.fixture.module.parts.nvm.read(resources.start, resources.end - resources.start)
  return [...bytes, encodeHex(zone), encodeHex(definitions.summary())].join('\n')
}

async function refused(world: Managed, expected: string, work: () => Promise<Response>): Promise<void> {
  const before = kept(world)
  const { sw, data } = await work()
  assert.equal(sw.toString(16).toUpperCase(), expected)
  assert.equal(data.length, 0)
  assert.equal(kept(world), before)
}

function receiptOf({ sw, data }: Response): Uint8Array {
  assert.equal(sw.toString(16), '9000')
  const receipt = parseConfirmation(data)
  assert.ok(receipt.length > 64)
  return receipt
}

test('who holds the keys of the issuer security domain does nothing to a resource without its operator', async () => {
  const world = await managedWorld()
  await loaded(world)
  const aid = bankAid
  const attempts: readonly [string, () => Promise<Response>][] = [
    ['6982', () => world.remove(aid)],
    ['6982', () => world.remove(aid, undefined, 0x80)],
    [
      '6982',
      () => world.install({ purpose: 'make-selectable', instance: aid, parameters: none, token: none }),
    ],
    ['6982', () => world.install({ purpose: 'install', instance: aid, ...instance, token: none })],
    [
      '6982',
      () =>
        world.install({
          purpose: 'extradition',
          securityDomain: decodeHex('A000000151000000'),
          application: aid,
          parameters: none,
          token: none,
        }),
    ],
    ['6982', () => world.install({ purpose: 'personalization', application: aid })],
    [
      '6982',
      () => world.install({ purpose: 'registry-update', application: aid, parameters: none, token: none }),
    ],
    [
      '6A89',
      () => world.install({ purpose: 'load', loadFile: aid, hash: none, parameters: none, token: none }),
    ],
    ['6982', () => world.send(0xf0, 0x40, 0x80, aid)],
    ['6982', () => world.send(0xf0, 0x60, 0x80, aid)],
  ]
  for (const [expected, attempt] of attempts) await refused(world, expected, attempt)
  // It is seen in the registry, as an application that can be selected.
  const list = await world.send(0xf2, 0x40, 0x02, decodeHex('4F00'))
  const [entry, ...others] = parseRegistryEntries(list.data)
  assert.equal(others.length, 0)
  assert.deepEqual(entry?.aid, aid)
  assert.equal(entry?.state, 0x07)
  assert.deepEqual(parsePrivileges(new Uint8Array(3)).names, entry?.privileges?.names)
})

test('a token that is no document, of another operator, about something else, or with a byte changed is refused', async () => {
  const world = await managedWorld()
  await loaded(world)
  const deletion: Draft = { type: 'deletion', number: 3, resource: 1 }
  const right = await document(world, deletion)
  const others: readonly [string, Uint8Array][] = [
    ['6A80', Uint8Array.of(1, 2, 3)],
    ['6982', await document(world, deletion, world.stranger)],
    ['6982', await document(world, deletion, world.second)],
    ['6982', await document(world, { ...deletion, resource: 2 })],
    ['6982', await document(world, { ...deletion, type: 'block' })],
    ['6A80', await document(world, { ...deletion, module: new Uint8Array(8).fill(9) })],
    ['6A89', await document(world, { ...deletion, number: 1 })],
    ['6982', right.map((byte, i) => (i === right.length - 1 ? byte ^ 1 : byte))],
  ]
  for (const [expected, token] of others) await refused(world, expected, () => world.remove(bankAid, token))
  // The right one for another name deletes neither.
  await refused(world, '6982', () => world.remove(decodeHex('A000000009'), right))
  // And in another command it is not what that command is for.
  await refused(world, '6982', () =>
    world.install({ purpose: 'registry-update', application: bankAid, parameters: none, token: right }),
  )
  await refused(world, '6982', () =>
    world.install({ purpose: 'make-selectable', instance: bankAid, parameters: none, token: right }),
  )
  await refused(world, '6982', () =>
    world.install({ purpose: 'install', instance: bankAid, ...instance, token: right }),
  )
})

test("with its operator's documents as tokens a resource is reserved, blocked, released and deleted, each answered by its receipt", async () => {
  const world = await managedWorld()
  const reservation = await document(world, {
    type: 'reservation',
    number: 1,
    resource: 1,
    aid: bankAid,
    size: bankRequest.size,
  })
  const reserve = () =>
    world.install({ purpose: 'install', instance: bankAid, ...instance, token: reservation })
  const first = receiptOf(await reserve())
  assert.equal(world.fixture.module.parts.definitions.find(1)?.state, 'reserved')
  // The same once more, as after a lost answer, gives the same receipt, here and by OPERATE.
  const settled = kept(world)
  assert.deepEqual(receiptOf(await reserve()), first)
  assert.deepEqual((await operate(world, reservation)).data, first)
  assert.equal(kept(world), settled)

  const update = async (draft: Draft) =>
    receiptOf(
      await world.install({
        purpose: 'registry-update',
        application: bankAid,
        parameters: none,
        token: await document(world, draft),
      }),
    )
  await update({ type: 'block', number: 2, resource: 1 })
  assert.equal(world.fixture.module.parts.definitions.find(1)?.state, 'blocked')
  const release = await document(world, { type: 'release', number: 3, resource: 1 })
  receiptOf(
    await world.install({ purpose: 'make-selectable', instance: bankAid, parameters: none, token: release }),
  )
  assert.equal(world.fixture.module.parts.definitions.find(1)?.state, 'active')

  const deletion = await document(world, { type: 'deletion', number: 4, resource: 1 })
  const gone = receiptOf(await world.remove(bankAid, deletion))
  assert.equal(world.fixture.module.parts.definitions.find(1), undefined)
  assert.deepEqual(receiptOf(await world.remove(bankAid, deletion)), gone)
  await refused(world, '6A88', () => world.remove(bankAid))
})

test('no name of a resource is one of content, and none of content one of a resource', async () => {
  const world = await managedWorld()
  await done(world, { type: 'reservation', number: 1, resource: 1, aid: bankAid })
  const domain = (aid: Uint8Array): InstallRequest => ({
    purpose: 'install-and-make-selectable',
    instance: aid,
    ...instance,
    privileges: privilegesOf('security-domain'),
    token: none,
  })
  await refused(world, '6982', () => world.install(domain(bankAid)))
  const taken = decodeHex('A0000000A1')
  assert.equal((await world.install(domain(taken))).sw, 0x9000)
  for (const aid of [taken, cardLoadFile, cardModule]) {
    const answer = await operate(
      world,
      await document(world, { type: 'reservation', number: 2, resource: 2, aid }),
    )
    assert.equal(answer.sw.toString(16), '6a89', encodeHex(aid))
  }
  // A load file whose module would be called as the resource.
  await done(world, {
    type: 'reservation',
    number: 2,
    resource: 2,
    aid: concat(bankAid, Uint8Array.of(0x07, 0x41)),
  })
  const clash = concat(bankAid, Uint8Array.of(0x07))
  await refused(world, '6A89', () =>
    world.install({ purpose: 'load', loadFile: clash, hash: none, parameters: none, token: none }),
  )
})
