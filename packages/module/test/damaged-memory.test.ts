import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, parseResponse, serializeCommand } from '@sealwright/core/apdu'
import { decodeHex } from '@sealwright/core/bytes'
import { commands } from '@sealwright/core/catalog'
import { ModuleSession } from '@sealwright/core/channel/secure-messaging'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { customizedModule } from '../src/testing/index.ts'

const { ins } = commands['GET DATA']
const shapes = {
  'a command': command({ cla: 0x80, ins, p2: 0x45, le: 256 }),
  'the first part of a chain': command({ cla: 0x90, ins, p2: 0x45, data: decodeHex('00') }),
  'a protected command': command({ cla: 0x84, ins, p2: 0x45, data: new Uint8Array(16) }),
}

/** Bytes of the memory that are no longer what the module wrote, behind its back. */
const damages = {
  'a vector table out of order': 'FF0005010005',
  'half a vector': 'CA00',
} as const

function sessionOf(): ModuleSession {
  const key = () => crypto.aes(new Uint8Array(16))
  const keys = { enc: key(), mac: key(), rmac: key() }
  return new ModuleSession({ keys, level: 0x33, chaining: new Uint8Array(16) })
}

for (const [what, bytes] of Object.entries(damages)) {
  for (const [name, sent] of Object.entries(shapes)) {
    for (const inChannel of [false, true]) {
      test(`${what}: ${name} ${inChannel ? 'in' : 'outside'} a channel gets a status word`, () => {
        const { module } = customizedModule({ crypto, operating: true, eepromSize: 32 * 1024 })
        const { nvm, objects, channels } = module.parts
        nvm.transaction((tx) => objects.put(tx, 'vector-table', 0, decodeHex(bytes)))
        if (inChannel) channels.open({ kind: 'central', session: sessionOf() })
        const { sw, data } = parseResponse(module.transmit(serializeCommand(sent)))
        assert.ok(sw !== 0x9000 || sent.cla === 0x90, sw.toString(16))
        assert.equal(data.length, 0)
      })
    }
  }
}

test('a directory entry of an unknown kind: a status word, and no data', () => {
  const { module } = customizedModule({ crypto, operating: true, eepromSize: 32 * 1024 })
  const { nvm } = module.parts
  nvm.transaction((tx) => tx.write(nvm.zones.directory.start, Uint8Array.of(0xee)))
  for (const sent of Object.values(shapes)) {
    const { sw, data } = parseResponse(module.transmit(serializeCommand(sent)))
    assert.notEqual(sw, 0x9000)
    assert.equal(data.length, 0)
  }
})
