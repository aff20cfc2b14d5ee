import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  answeredUnpersonalized,
  type CommandName,
  commands,
  dataTags,
  keyVersions,
} from '@sealwright/core/catalog'
import { serializeBeginRequest } from '@sealwright/core/personalization'
import { scriptedEntropy } from '@sealwright/core/testing'
import { type Channel, openScp03, openScp11b } from '@sealwright/roles/channel'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import { inProcess } from '../src/transport/index.ts'
import { beginRequest, speak } from './personalization-world.ts'
import {
  isListed,
  personalizable,
  refuseOthers,
  type Unpersonalized,
  unpersonalized,
} from './unpersonalized.ts'

function personalizationChannel({ module, identity }: Unpersonalized): Promise<Channel> {
  return openScp11b(inProcess(module), {
    ...{ crypto, entropy: scriptedEntropy('host'), modulePoint: identity.publicPoint },
  })
}

function documentChannel({ module, documentKeys: { enc, mac, dek } }: Unpersonalized): Promise<Channel> {
  return openScp03(inProcess(module), {
    ...{ crypto, entropy: scriptedEntropy('host'), keyVersion: keyVersions.document },
    keys: { enc: crypto.aes(enc), mac: crypto.aes(mac), dek: crypto.aes(dek) },
  })
}

describe('a module that awaits personalization', () => {
  test('[B20a] it answers what the list names: who it is, that it is well, its record; channels, BEGIN and COMPLETE', async () => {
    const chip = unpersonalized('cash')
    const { module, natives } = chip
    const answered = new Set<CommandName>()
    const plainly = async (name: CommandName, data?: Uint8Array, p1 = 0, p2 = 0) => {
      const { sw } = await speak(module, name, data, p1, p2)
      assert.equal(sw, 0x9000, name)
      answered.add(name)
    }
    await plainly('SELECT', new Uint8Array(0), 0x04)
    await plainly('CHIP STATUS')
    await plainly('SELF TEST')
    await plainly('GET DATA', undefined, dataTags.state >> 8, dataTags.state & 0xff)
    await plainly('PASSPORT HEAD', new Uint8Array(16))
    await plainly('GET EVENTS', Uint8Array.of(0, 0, 0, 1))
    const secured = await personalizationChannel(chip)
    answered.add('INTERNAL AUTHENTICATE')
    await secured.send('BEGIN', { data: serializeBeginRequest(beginRequest) })
    answered.add('BEGIN')
    await secured.send('PROVE CREDENTIAL')
    answered.add('PROVE CREDENTIAL')
    // Looked into, and refused for what it says.
    assert.equal((await secured.exchange('COMPLETE', { data: new Uint8Array(6) })).sw, 0x6a80)
    answered.add('COMPLETE')
    module.reset()
    // Looked into, and refused: it belongs to nobody yet.
    assert.equal((await speak(module, 'TAKE TRANSFER', new Uint8Array(6))).sw, 0x6985)
    answered.add('TAKE TRANSFER')
    await documentChannel(chip)
    answered.add('INITIALIZE UPDATE').add('EXTERNAL AUTHENTICATE')
    const listed = answeredUnpersonalized().filter((name) => natives.includes(name))
    assert.deepEqual(
      listed.filter((name) => !answered.has(name) && name !== 'GENERAL AUTHENTICATE'),
      [],
    )
    assert.deepEqual(
      [...answered].filter((name) => !listed.includes(name)),
      [],
    )
  })

  for (const product of personalizable) {
    test(`[B20b] ${product}: every other instruction is refused without a write, plain, in the classes that mean something`, () => {
      const chip = unpersonalized(product)
      assert.ok(refuseOthers(chip, [0x00, 0x80, 0x84, 0x04, 0x90, 0x94, 0xc0, 0xff]) > 3000)
    })

    test(`[B20b] ${product}: in the channel of personalization and under the document key, too`, async () => {
      const chip = unpersonalized(product)
      const { module, natives, writes } = chip
      for (const open of [personalizationChannel, documentChannel]) {
        module.reset()
        let channel = await open(chip)
        const before = writes.programs
        for (let ins = 0; ins <= 0xff; ins++) {
          if (isListed(natives, 0x80, ins)) continue
          if (module.parts.channels.current === undefined) channel = await open(chip)
          const { sw, data } = await channel.exchange({ name: 'any', ins }, { data: new Uint8Array(16) })
          assert.ok(sw !== 0x9000 && data.length === 0, `${ins.toString(16)}: ${sw.toString(16)}`)
        }
        assert.equal(writes.programs, before)
      }
    })
  }

  test('[B20b] what only an operating module does is refused with 6985: payments, keys, resources, the end of its work', async () => {
    for (const product of personalizable) {
      const { module, natives } = unpersonalized(product)
      const others = natives.filter((name) => !answeredUnpersonalized().includes(name))
      assert.ok(others.length >= 3 && others.every((name) => name in commands))
      for (const name of others) assert.equal((await speak(module, name)).sw, 0x6985, name)
    }
  })
})
