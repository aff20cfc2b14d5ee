import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { certificateIds } from '@sealwright/core/catalog'
import { AuthError, DecodeError } from '@sealwright/core/errors'
import { type DisabledKey, fingerprint } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { disable, disabledKeys, disablings, enable, type Session, session } from '@sealwright/roles/central'
import { certifyUnit } from '@sealwright/roles/manufacturer'
import { memoryPorts, type PartyPorts, type Store } from '@sealwright/roles/ports'
import { requestPayment } from '@sealwright/roles/terminal'
import { personalize, request } from '@sealwright/roles/unit'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import { fileStore } from '../src/store/index.ts'
import { initWorkspace, openParty, openPartyBeside } from '../src/workspace/index.ts'
import {
  customer,
  memoryOf,
  personalizationWorld,
  personalized,
  signed,
  transportOf,
  type World,
} from './personalization-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-disabling-'))
after(() => rmSync(folder, { recursive: true }))
const why = { reason: 'stolen' }
const isDisabled = { code: 'key-disabled' }

async function atWork(): Promise<World> {
  const world = await personalizationWorld()
  await personalized(world)
  return world
}

function open<T>(
  world: World,
  work: (session: Session) => Promise<T>,
  unit = world.unitCertificate,
  transport = transportOf(world),
) {
  return session(world.central, transport, { unit: { point: parseCertificate(unit).publicPoint } }, work)
}

/** The three ways to name what is disabled. */
function keysOf({ fixture, unitCertificate }: World): DisabledKey[] {
  const operating = fixture.module.parts.objects.read('certificate', certificateIds.operating.id)!
  return [
    { kind: 'unit', id: fingerprint(parseCertificate(unitCertificate).publicPoint, crypto) },
    { kind: 'module', id: fingerprint(parseCertificate(operating).publicPoint, crypto) },
    { kind: 'serial', id: fixture.serial },
  ]
}

/** A module of the same central system that another unit has personalized. */
async function otherUnitsModule(world: World): Promise<{ world: World; unit: Uint8Array }> {
  const other = await personalizationWorld({ serial: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9) })
  const unit = await memoryPorts('unit', {
    clock: world.clock,
    entropy: scriptedEntropy('other unit'),
    crypto,
  })
  const { encoded } = await certifyUnit(
    world.manufacturer,
    signed(await request(unit, { name: 'other', customer })),
  )
  await personalize(unit, transportOf(other), { ...world.order, serial: other.fixture.serial, unit: encoded })
  return { world: { ...other, central: world.central }, unit: encoded }
}

describe('a disabled key', () => {
  for (const at of [0, 1, 2]) {
    const kind = ['unit', 'module', 'serial'][at]
    test(`[B16a] ${kind}: no new session from then on, and again when it is taken back`, async () => {
      const world = await atWork()
      const key = keysOf(world)[at]!
      await open(world, async () => {})
      await disable(world.central, { ...key, ...why })
      const before = memoryOf(world.fixture.medium)
      await assert.rejects(
        open(world, async () => assert.fail('a session')),
        isDisabled,
      )
      assert.deepEqual(memoryOf(world.fixture.medium), before)
      assert.equal(world.fixture.module.parts.channels.current, undefined)
      await enable(world.central, { ...key, reason: 'found' })
      await open(world, async () => {})
    })

    test(`[B16b] ${kind}: the next message of an open session is refused before it is sent, and so is every later one`, async () => {
      const world = await atWork()
      const key = keysOf(world)[at]!
      let sent = 0
      const line: Transport = {
        async transmit(command) {
          sent++
          return transportOf(world).transmit(command)
        },
        close: async () => {},
      }
      await requestPayment(transportOf(world), { account: 'DE02', amount: 1, currency: 'EUR' })
      await open(
        world,
        async ({ channel }) => {
          await channel.send('FETCH PAYMENT')
          await disable(world.central, { ...key, ...why })
          const count = sent
          await assert.rejects(channel.send('FETCH PAYMENT'), isDisabled)
          await assert.rejects(channel.exchange('GRANT PAYMENT'), isDisabled)
          // The keys of the session are gone: it does not come back with the key.
          await enable(world.central, { ...key, reason: 'found' })
          await assert.rejects(channel.send('FETCH PAYMENT'), { code: 'wrong-state' })
          assert.equal(sent, count)
        },
        world.unitCertificate,
        line,
      )
    })
  }

  test("[B16c] modules that another unit certified go on, in open sessions too; of one unit's modules only the one whose key it is", async () => {
    const world = await atWork()
    const other = await otherUnitsModule(world)
    await requestPayment(transportOf(other.world), { account: 'DE02', amount: 1, currency: 'EUR' })
    await open(
      other.world,
      async ({ channel }) => {
        for (const key of keysOf(world)) await disable(world.central, { ...key, ...why })
        await channel.send('FETCH PAYMENT')
      },
      other.unit,
    )
    await open(other.world, async () => {}, other.unit)
    await assert.rejects(
      open(world, async () => {}),
      isDisabled,
    )
    const sibling = await personalizationWorld({ serial: Uint8Array.of(8, 8, 8, 8, 8, 8, 8, 8) })
    await personalize(world.unit, transportOf(sibling), { ...world.order, serial: sibling.fixture.serial })
    const siblings = { ...sibling, central: world.central }
    await assert.rejects(
      open(siblings, async () => {}, world.unitCertificate),
      isDisabled,
    )
    await enable(world.central, { ...keysOf(world)[0]!, reason: '' })
    await open(siblings, async () => {}, world.unitCertificate)
    await assert.rejects(
      open(world, async () => {}),
      isDisabled,
    )
  })
})

describe('the chain of decisions', () => {
  test('[B16a] each decision is signed and named once; the same one again makes no second', async () => {
    const world = await atWork()
    const [unit, , serial] = keysOf(world) as [DisabledKey, DisabledKey, DisabledKey]
    assert.equal((await disable(world.central, { ...unit, ...why })).already, false)
    assert.equal((await disable(world.central, { ...unit, reason: 'twice' })).already, true)
    await disable(world.central, { ...serial, ...why })
    await enable(world.central, { ...unit, reason: 'found' })
    assert.equal((await enable(world.central, { ...unit, reason: 'found' })).already, true)
    await assert.rejects(enable(world.central, { ...unit, id: new Uint8Array(32), reason: '' }), {
      code: 'wrong-state',
    })
    const told = (await disablings(world.central)).map(({ disabling }) => [
      disabling.number,
      disabling.action,
      disabling.kind,
    ])
    assert.deepEqual(told, [
      [1, 'disable', 'unit'],
      [2, 'disable', 'serial'],
      [3, 'enable', 'unit'],
    ])
    assert.deepEqual(
      (await disabledKeys(world.central)).map(({ kind }) => kind),
      ['serial'],
    )
  })

  test('a document that is changed, left out, or signed by somebody else, is noticed', async () => {
    const world = await atWork()
    const { store } = world.central
    for (const key of keysOf(world)) await disable(world.central, { ...key, ...why })
    const names = await store.list('disablings/')
    const [first, second] = [(await store.read(names[0]!))!, (await store.read(names[1]!))!]
    await store.write(names[1]!, second.with(second.length - 5, second.at(-5)! ^ 1))
    await assert.rejects(
      disablings(world.central),
      (error) => error instanceof AuthError || error instanceof DecodeError,
    )
    await store.write(names[1]!, first)
    await assert.rejects(disablings(world.central), DecodeError)
    await store.remove(names[1]!)
    await assert.rejects(disablings(world.central), DecodeError)
    await store.write(names[1]!, second)
    await disablings(world.central)
    const stranger = await memoryPorts('central', {
      clock: world.clock,
      entropy: scriptedEntropy('x'),
      crypto,
    })
    await assert.rejects(disablings({ ...stranger, store }), AuthError)
  })

  test('[R2a] the process dies before or after any write: done again, it is disabled once', async () => {
    for (const written of [false, true]) {
      for (let at = 1; ; at++) {
        const world = await atWork()
        const key = keysOf(world)[0]!
        const { store } = world.central
        let count = 0
        const dying: Store = {
          ...store,
          async write(name, bytes) {
            count++
            if (count === at && written) await store.write(name, bytes)
            if (count === at) throw new Error('killed')
            await store.write(name, bytes)
          },
        }
        const died = await disable({ ...world.central, store: dying }, { ...key, ...why }).then(
          () => false,
          () => true,
        )
        await disable(world.central, { ...key, ...why })
        await assert.rejects(
          open(world, async () => {}),
          isDisabled,
        )
        assert.equal((await disablings(world.central)).length, 1)
        if (!died) break
      }
    }
  })
})

describe('two processes', () => {
  test('[B16b] one has the session, the other disables: the next message is refused', {
    timeout: 60_000,
  }, async () => {
    const path = join(folder, 'central')
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('./disabling-process.ts', import.meta.url)),
      path,
    ])
    try {
      const lines = answersOf(child)
      const opened = JSON.parse(await lines()) as { unit: string }
      assert.equal(await ask(child, lines), '9000')
      const central = await memoryPorts('central', {
        clock: { now: () => 5 },
        entropy: scriptedEntropy('p'),
        crypto,
      })
      const ports: PartyPorts = { ...central, store: fileStore(path) }
      await disable(ports, { kind: 'unit', id: Buffer.from(opened.unit, 'hex'), reason: '' })
      assert.equal(await ask(child, lines), 'key-disabled')
    } finally {
      child.stdin.end()
      await once(child, 'exit')
    }
  })

  test('[B16a] whoever has the party open keeps nobody from disabling; two who disable do not do it at once', async () => {
    const workspace = await initWorkspace(join(folder, 'w'), { command: 'test' }, ['central'])
    const session = openParty(workspace, 'central', { command: 'test' })
    const first = openPartyBeside(workspace, 'central', 'disabling', { command: 'test' })
    assert.throws(() => openPartyBeside(workspace, 'central', 'disabling', { command: 'test' }), {
      code: 'held',
    })
    await disable(first.ports, { kind: 'serial', id: new Uint8Array(8), reason: '' })
    assert.equal((await disabledKeys(session.ports)).length, 1)
    first.close()
    session.close()
  })
})

function answersOf(child: ChildProcessWithoutNullStreams): () => Promise<string> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  return async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`the process ended: ${said}`)
    return value
  }
}

function ask(child: ChildProcessWithoutNullStreams, lines: () => Promise<string>): Promise<string> {
  child.stdin.write('next\n')
  return lines()
}
