import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect as connectPlain, createServer as createPlain, type Server } from 'node:net'
import { suite, test } from 'node:test'
import { connect as connectTls, createServer as createTls } from 'node:tls'
import {
  type ChannelForm,
  type ChannelLevel,
  channelForms,
  channelLevels,
  commands,
  dataTags,
  meetsLevel,
} from '@sealwright/core/catalog'
import { serializeBeginRequest } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { personalize } from '@sealwright/roles/unit'
import { connectTcp, counting, listenTcp, tracing } from '../src/transport/index.ts'
import {
  channelWorld,
  documentKey,
  personalizeIn,
  securedForms,
  settingUp,
  unitOf,
  within,
} from './channel-world.ts'
import {
  beginRequest,
  personalizationWorld,
  requireOne,
  speak,
  transportOf,
  type World,
} from './personalization-world.ts'

const forms = Object.keys(channelForms) as ChannelForm[]
const levels = Object.keys(channelLevels) as ChannelLevel[]

/** A line that keeps what passes. */
function listening(below: Transport) {
  const passed: Uint8Array[] = []
  const transport: Transport = {
    ...below,
    async transmit(command) {
      const answer = await below.transmit(command)
      passed.push(command.slice(), answer.slice())
      return answer
    },
  }
  return { transport, passed, said: () => passed.filter((_, i) => i % 2 === 0) }
}

suite('every form of channel', () => {
  for (const form of forms) {
    test(`[B5a][B12a] ${form}: personalization runs in it from end to end`, async () => {
      const world = await channelWorld()
      const { transport, said } = listening(transportOf(world))
      const done = await personalizeIn(world, form, transport)
      assert.equal(done.form, form)
      await requireOne(world)
      const begun = said().filter((command) => command[1] === commands.BEGIN.ins)
      assert.equal(begun.length, 1)
      assert.equal(begun[0]![0], form === 'none' ? 0x80 : 0x84)
    })
  }

  for (const form of securedForms) {
    test(`[B5a] ${form}: what passes in it is encrypted, and new keys every time`, async () => {
      const world = await channelWorld()
      const request = serializeBeginRequest(beginRequest)
      const heard: string[] = []
      for (let i = 0; i < 2; i++) {
        const { transport, passed } = listening(transportOf(world))
        const identity = world.fixture.identity
        const answer = await within(form, unitOf(world), transport, identity, (channel) =>
          channel.send('BEGIN', { data: request }),
        )
        const wire = passed.map((bytes) => Buffer.from(bytes).toString('hex')).join(' ')
        assert.ok(!wire.includes(Buffer.from(request.subarray(0, 16)).toString('hex')))
        assert.ok(!wire.includes(Buffer.from(answer.subarray(0, 16)).toString('hex')))
        const begun = passed.findIndex((bytes) => bytes[0] === 0x84 && bytes[1] === commands.BEGIN.ins)
        heard.push(Buffer.from(passed[begun]!).toString('hex'))
      }
      assert.notEqual(heard[0], heard[1])
    })
  }

  test('a set-up writes nothing', async () => {
    for (const form of securedForms) {
      const world = await channelWorld()
      const before = world.fixture.medium.snapshot()
      const revision = world.fixture.medium.revision
      await within(form, unitOf(world), transportOf(world), world.fixture.identity, async () => {})
      assert.equal(world.fixture.medium.revision, revision, form)
      assert.deepEqual(world.fixture.medium.snapshot(), before, form)
    }
  })
})

suite("the module's policy", () => {
  for (const least of levels) {
    test(`[B5c] least ${least}: a module that holds it takes BEGIN in those forms alone, whatever the host wants`, async () => {
      for (const form of forms) {
        const world = await channelWorld(least)
        const allowed = meetsLevel(form, least)
        const request = serializeBeginRequest(beginRequest)
        const before = world.fixture.medium.snapshot()
        const status = await statusOfBegin(world, form, request)
        assert.equal(status, allowed ? 0x9000 : 0x6982, `${form} under ${least}`)
        if (!allowed) assert.deepEqual(world.fixture.medium.snapshot(), before)
      }
    })
  }

  test('[B5c] a product that says nothing asks for the module’s proof', async () => {
    const world = await personalizationWorld()
    const data = serializeBeginRequest(beginRequest)
    assert.equal(await statusOfBegin(world, 'none', data), 0x6982)
    assert.equal(await statusOfBegin(world, 'ephemeral', data), 0x6982)
    const { identity } = world.fixture
    const setUp = within('ephemeral', unitOf(world), transportOf(world), identity, async () => {})
    await assert.rejects(setUp, { statusWord: 0x6982 }, 'it is not even set up')
    assert.equal(await statusOfBegin(world, 'module-proof', data), 0x9000)
    const told = await speak(world.fixture.module, 'GET DATA', undefined, 0xdf, dataTags.channelPolicy & 0xff)
    assert.deepEqual([...told.data], [channelLevels['module-proof'].code])
  })

  test('[B5c] a policy that is not known lets nothing run', async () => {
    const world = await channelWorld('none')
    const { objects, nvm } = world.fixture.module.parts
    nvm.transaction((tx) => objects.put(tx, 'product-data', 7, Uint8Array.of(0x04)))
    const data = serializeBeginRequest(beginRequest)
    for (const form of forms) assert.notEqual(await statusOfBegin(world, form, data), 0x9000, form)
  })

  test('[B5c] the unit learns it before it says anything else, and stops', async () => {
    const world = await channelWorld('mutual')
    const { transport, said } = listening(transportOf(world))
    await assert.rejects(personalizeIn(world, 'module-proof', transport), {
      code: 'channel-below-policy',
      details: { form: 'module-proof', least: 'mutual', holder: "the module's product" },
    })
    const more = said().filter(([, ins]) => settingUp.has(ins!) || ins === commands.BEGIN.ins)
    assert.deepEqual(more, [])
  })
})

suite("the unit's policy", () => {
  for (const least of levels) {
    test(`[B5b] least ${least}: a unit that holds it goes no lower, whatever the module takes`, async () => {
      for (const form of forms) {
        const world = await channelWorld('none')
        const { transport, said } = listening(transportOf(world))
        const run = personalize(world.unit, transport, {
          ...{ ...world.order, channel: form, leastChannel: least },
          ...(form === 'document-key' ? { documentKey } : {}),
        })
        if (meetsLevel(form, least)) {
          await run
          continue
        }
        await assert.rejects(run, {
          code: 'channel-below-policy',
          details: { form, least, holder: 'this unit' },
        })
        assert.deepEqual(said(), [], 'nothing was said to the module')
      }
    })
  }

  test('[B5b] without a word of the deployment the module’s proof is the least', async () => {
    const world = await channelWorld('none')
    for (const channel of ['none', 'ephemeral'] as const) {
      const run = personalize(world.unit, transportOf(world), { ...world.order, channel })
      await assert.rejects(run, { code: 'channel-below-policy' })
    }
  })

  test('a document key and a form that does not use it are not mixed', async () => {
    const world = await channelWorld('none')
    const go = (more: object) => personalize(world.unit, transportOf(world), { ...world.order, ...more })
    await assert.rejects(go({ channel: 'mutual', documentKey }), { code: 'usage' })
    await assert.rejects(go({ channel: 'document-key' }), { code: 'usage' })
    await assert.rejects(go({ channel: 'dh-signed', insecureCircular: true }), {
      code: /usage|certificate-refused/,
    })
  })

  test('[B5e] the tool says what the weak forms do not stop', async () => {
    for (const [channel, told] of [
      ['ephemeral', /does not stop someone in the middle/],
      ['none', /reads and changes/],
      ['module-proof', undefined],
    ] as const) {
      const world = await channelWorld('none')
      const lines: string[] = []
      const unit = { ...world.unit, progress: (text: string) => void lines.push(text) }
      await personalize(unit, transportOf(world), { ...world.order, channel, leastChannel: 'none' })
      if (told === undefined)
        assert.equal(
          lines.some((line) => /middle|reads/.test(line)),
          false,
        )
      else assert.match(lines.join('\n'), told)
    }
  })
})

suite('a line without a channel', () => {
  test('[B5d] serves on a direct line: what looks at it on its way does not change that', async () => {
    const world = await channelWorld('none')
    const line = tracing(counting(transportOf(world)), () => {})
    assert.equal(line.direct, true)
    await personalizeIn(world, 'none', line)
    await requireOne(world)
  })

  test('[B5d] is refused on any other, whatever the policies say', async () => {
    const world = await channelWorld('none')
    const listener = await listenTcp(() => transportOf(world))
    const line = await connectTcp('127.0.0.1', listener.port)
    try {
      const { transport, said } = listening(line)
      await assert.rejects(personalizeIn(world, 'none', transport), { code: 'line-not-direct' })
      assert.deepEqual(said(), [])
      await personalizeIn(world, 'ephemeral', transport)
    } finally {
      await line.close()
      await listener.close()
    }
    await requireOne(world)
  })

  test('[B5d] is refused by a module that is behind a network, whoever asks; in a channel it serves', async () => {
    const world = await channelWorld('none')
    const { module } = world.fixture
    module.directLine = false
    const before = world.fixture.medium.snapshot()
    for (const name of ['BEGIN', 'COMPLETE'] as const) {
      assert.equal((await speak(module, name, serializeBeginRequest(beginRequest))).sw, 0x6982)
    }
    assert.deepEqual(world.fixture.medium.snapshot(), before)
    await personalizeIn(world, 'ephemeral')
    await requireOne(world)
  })

  test('[B5f] the encryption of a link is no channel: in TLS, none is refused and BEGIN without a channel too', async () => {
    const world = await channelWorld('module-proof')
    const listener = await listenTcp(() => transportOf(world))
    const tunnel = await tlsTunnel(listener.port)
    const line = await connectTcp('127.0.0.1', tunnel.port)
    try {
      await assert.rejects(personalizeIn(world, 'none', line), { code: 'line-not-direct' })
      const plain = Uint8Array.of(
        0x80,
        commands.BEGIN.ins,
        0,
        0,
        36,
        ...serializeBeginRequest(beginRequest),
        0,
      )
      assert.deepEqual([...(await line.transmit(plain))], [0x69, 0x82], "the module's policy")
      assert.ok(tunnel.encryptedLinks() > 0, 'the link is encrypted indeed')
      await personalizeIn(world, 'module-proof', line)
    } finally {
      await line.close()
      await tunnel.close()
      await listener.close()
    }
    await requireOne(world)
  })
})

/** Status of BEGIN without a channel, or in one of this form; of its set-up, where that is refused already. */
async function statusOfBegin(world: World, form: ChannelForm, data: Uint8Array): Promise<number> {
  const { module, identity } = world.fixture
  if (form === 'none') return (await speak(module, 'BEGIN', data)).sw
  try {
    return await within(form, unitOf(world), transportOf(world), identity, async (channel) => {
      return (await channel.exchange('BEGIN', { data })).sw
    })
  } catch (error) {
    const { statusWord } = error as { statusWord?: number }
    if (statusWord === undefined) throw error
    return statusWord
  }
}

/** What a link with encryption of its own is: a local port whose bytes go through TLS (with a shared key) to another port. */
async function tlsTunnel(target: number) {
  const psk = Buffer.alloc(32, 7)
  const suites = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const
  let encrypted = 0
  const far = createTls({ ...suites, pskCallback: () => psk }, (socket) => {
    const onward = connectPlain(target, '127.0.0.1')
    socket.on('error', () => onward.destroy())
    onward.on('error', () => socket.destroy())
    socket.pipe(onward).pipe(socket)
  })
  await listenOn(far)
  const near = createPlain((socket) => {
    const onward = connectTls({
      ...{ ...suites, host: '127.0.0.1', port: portOf(far), checkServerIdentity: () => undefined },
      pskCallback: () => ({ psk, identity: 'link' }),
    })
    onward.on('secureConnect', () => {
      encrypted += onward.getCipher().name === 'PSK-AES128-GCM-SHA256' ? 1 : 0
    })
    socket.on('error', () => onward.destroy())
    onward.on('error', () => socket.destroy())
    socket.pipe(onward).pipe(socket)
  })
  await listenOn(near)
  return {
    port: portOf(near),
    encryptedLinks: () => encrypted,
    async close() {
      for (const server of [near, far]) {
        server.close()
        await once(server, 'close')
      }
    },
  }
}

async function listenOn(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
