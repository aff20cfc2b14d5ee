import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { concat, decodeHex, encodeHex } from '@sealwright/core/bytes'
import { PcscService } from '../pcsc/index.ts'
import {
  headerStructure,
  longestAnswer,
  readerPlaces,
  readerStructure,
  requests,
  type Structure,
  structures,
} from '../pcsc/structures.ts'
import { listReaders, openReader } from './index.ts'

type Name = keyof typeof structures
interface Asked {
  readonly name: string
  readonly values: Record<string, number | Uint8Array>
  readonly apdu: Uint8Array
}

/** pcscd as far as a client sees its socket; what it answers is the test's. */
class FakePcscd {
  readonly path: string
  readonly asked: Asked[] = []
  minor = 4
  /** Also takes clients of the oldest version, as since the end of 2025. */
  lenient = false
  readers: { name: string; card: boolean }[] = [
    { name: 'Virtual PCD 00 00', card: true },
    { name: 'Virtual PCD 00 01', card: false },
  ]
  /** The result of a request; success when undefined. Throwing ends the connection, 'silence' answers nothing. */
  result: (name: string, asked: Asked) => number | 'silence' | undefined = () => undefined
  answer: (apdu: Uint8Array) => Uint8Array = () => decodeHex('9000')
  protocol = 2
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(path: string, server: Server) {
    this.path = path
    this.#server = server
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      this.#serve(socket)
    })
  }

  static async listen(path: string): Promise<FakePcscd> {
    const server = createServer()
    const fake = new FakePcscd(path, server)
    server.listen(path)
    await once(server, 'listening')
    return fake
  }

  names(): string[] {
    return this.asked.map(({ name }) => name)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #serve(socket: Socket): void {
    let bytes = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      for (;;) {
        if (bytes.length < headerStructure.length) return
        const { size, request } = headerStructure.parse(bytes.subarray(0, headerStructure.length))
        const end = headerStructure.length + size
        if (bytes.length < end) return
        const name = Object.entries(requests).find(([, number]) => number === request)![0]
        const body = bytes.subarray(headerStructure.length, end)
        // biome-ignore lint/suspicious/noExplicitAny: structures of every shape
        const structure = structures[name as Name] as Structure<any> | undefined
        const values = structure?.parse(body) ?? {}
        const apduEnd = end + (name === 'transmit' ? (values['sendLength'] as number) : 0)
        if (bytes.length < apduEnd) return
        const asked = { name, values, apdu: Uint8Array.from(bytes.subarray(end, apduEnd)) }
        bytes = bytes.subarray(apduEnd)
        this.asked.push(asked)
        try {
          this.#answer(socket, asked, structure)
        } catch {
          socket.destroy()
        }
      }
    })
  }

  // biome-ignore lint/suspicious/noExplicitAny: structures of every shape
  #answer(socket: Socket, asked: Asked, structure: Structure<any> | undefined): void {
    const { name, values, apdu } = asked
    const wanted = this.result(name, asked)
    if (wanted === 'silence') return
    const result = wanted ?? 0
    if (name === 'readerStates') socket.write(this.#states())
    else if (name === 'version') {
      const taken = values['minor'] === this.minor || (this.lenient && values['minor'] === 4)
      const answer = { major: 4, minor: this.minor, result: taken ? result : 0x8010_001e }
      socket.write(structures.version.serialize(answer))
    } else if (name === 'transmit') {
      const answer = result === 0 ? this.answer(apdu) : new Uint8Array(0)
      socket.write(concat(structure!.serialize({ ...values, receiveLength: answer.length, result }), answer))
    } else {
      const given = {
        ...values,
        result,
        ...('protocol' in values ? { protocol: this.protocol, card: 77 } : {}),
      }
      socket.write(structure!.serialize(name === 'establishContext' ? { ...given, context: 99 } : given))
    }
  }

  #states(): Uint8Array {
    const places = this.readers.map(({ name, card }) => {
      const nameBytes = new Uint8Array(128)
      new TextEncoder().encodeInto(name, nameBytes)
      return readerStructure.serialize({
        name: nameBytes,
        events: 0,
        state: card ? 0x34 : 0x02,
        sharing: 0,
        atr: new Uint8Array(33),
        padding: new Uint8Array(3),
        atrLength: 0,
        protocol: 0,
      })
    })
    return concat(...places, new Uint8Array((readerPlaces - places.length) * readerStructure.length))
  }
}

suite('PC/SC', () => {
  let folder: string
  let pcscd: FakePcscd
  const options = (patienceMs = 300) => ({ socket: pcscd.path, patienceMs })
  const open = (name = '00 00') => openReader(name, options())

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sealwright-pcsc-'))
    pcscd = await FakePcscd.listen(join(folder, 'socket'))
  })
  afterEach(async () => {
    await pcscd.close()
    rmSync(folder, { recursive: true })
  })

  test('[E2a] a card is reset and held in one transaction until it is reset and given back', async () => {
    pcscd.answer = (apdu) => concat(apdu.slice().reverse(), decodeHex('9000'))
    const transport = await open()
    assert.equal(transport.reader, 'Virtual PCD 00 00')
    assert.equal(transport.protocol, 'T=1')
    assert.equal(encodeHex(await transport.transmit(decodeHex('00A4040002010200'))), '000201020004A4009000')
    await transport.close()
    assert.deepEqual(pcscd.names(), [
      ...['version', 'establishContext', 'readerStates', 'connect', 'beginTransaction', 'reconnect'],
      ...['transmit', 'endTransaction', 'disconnect'],
    ])
    const of = (name: string) => pcscd.asked.find((asked) => asked.name === name)!.values
    assert.equal(of('connect')['context'], 99)
    assert.equal(of('connect')['shareMode'], 2)
    assert.equal(of('transmit')['card'], 77)
    assert.equal(of('reconnect')['initialization'], 1)
    assert.equal(of('endTransaction')['disposition'], 1)
  })

  test('answers of every length come back whole', async () => {
    const transport = await open()
    for (const length of [2, 258, 4096, 0xffff, longestAnswer]) {
      const answer = Uint8Array.from({ length }, (_, i) => i & 0xff)
      pcscd.answer = () => answer
      assert.deepEqual(await transport.transmit(decodeHex('80100000')), answer)
    }
    await transport.close()
  })

  test('in T=0 a command with data goes without Le, others as they are', async () => {
    pcscd.protocol = 1
    const transport = await open()
    assert.equal(transport.protocol, 'T=0')
    for (const hex of ['00A4040002010200', '00A40400020102', '00CA004500', '00A40400', 'AA']) {
      await transport.transmit(decodeHex(hex))
    }
    const sent = pcscd.asked.filter(({ name }) => name === 'transmit').map(({ apdu }) => encodeHex(apdu))
    assert.deepEqual(sent, ['00A40400020102', '00A40400020102', '00CA004500', '00A40400', 'AA'])
    await transport.close()
  })

  test('every version of the protocol that is known is spoken; a service that takes others only is refused', async () => {
    for (const [minor, lenient, spoken] of [
      [4, false, '4:4'],
      [5, false, '4:5'],
      [6, false, '4:6'],
      [9, true, '4:4'],
    ] as const) {
      Object.assign(pcscd, { minor, lenient })
      const service = await PcscService.open(options())
      assert.equal(service.version, spoken)
      assert.equal((await service.readers()).length, 2)
      await service.close()
    }
    Object.assign(pcscd, { minor: 7, lenient: false })
    await assert.rejects(PcscService.open(options()), { code: 'peer-broke-protocol', message: /4:7/ })
  })

  test('a reader is found by its name or a part that only one has; else those that are there are listed', async () => {
    const code = 'reader-missing'
    await (await open('Virtual PCD 00 00')).close()
    await (await open('pcd 00 00')).close()
    await assert.rejects(open('Virtual'), { code, message: /several.*00 00.*00 01/ })
    await assert.rejects(open('ACS'), { code, message: /there are "Virtual PCD 00 00", "Virtual PCD 00 01"/ })
    await assert.rejects(open(''), { code })
    pcscd.readers = [
      { name: 'A', card: true },
      { name: 'AB', card: true },
    ]
    assert.equal((await open('A')).reader, 'A')
    pcscd.readers = []
    await assert.rejects(open('A'), { code, message: /pcscd has none/ })
    assert.deepEqual(await listReaders(options()), [])
  })

  const atConnect: [number, string][] = [
    [0x8010_000c, 'card-missing'],
    [0x8010_0066, 'card-mute'],
    [0x8010_0067, 'card-mute'],
    [0x8010_000f, 'card-mute'],
    [0x8010_000b, 'card-in-use'],
    [0x8010_0009, 'reader-missing'],
    [0x8010_0017, 'reader-vanished'],
    [0x8010_006a, 'pcsc-denied'],
    [0x8010_0001, 'transport-failed'],
  ]
  for (const [result, code] of atConnect) {
    test(`result ${result.toString(16)} of a connection is ${code}`, async () => {
      pcscd.result = (name) => (name === 'connect' ? result : undefined)
      await assert.rejects(open(), { code })
    })
  }

  test('a card that another program holds is waited for, not for ever', async () => {
    let refusals = 3
    pcscd.result = (name) => (name === 'beginTransaction' && refusals-- > 0 ? 0x8010_000b : undefined)
    await (await open()).close()
    pcscd.result = (name) => (name === 'beginTransaction' ? 0x8010_000b : undefined)
    await assert.rejects(open(), { code: 'card-in-use' })
    pcscd.result = (name) => (name === 'connect' ? 'silence' : undefined)
    await assert.rejects(open(), { code: 'card-in-use' })
  })

  test('a card that another program reset between two requests is taken note of, then held', async () => {
    let resets = 2
    pcscd.result = (name) => (name === 'beginTransaction' && resets-- > 0 ? 0x8010_0068 : undefined)
    await (await open()).close()
    const turns = pcscd.asked.filter(({ name }) => name === 'beginTransaction' || name === 'reconnect')
    assert.deepEqual(
      turns.map(({ name, values }) => [name, values['initialization']]),
      [
        ['beginTransaction', undefined],
        ['reconnect', 0],
        ['beginTransaction', undefined],
        ['reconnect', 0],
        ['beginTransaction', undefined],
        ['reconnect', 1],
      ],
    )
    pcscd.result = (name) => (name === 'beginTransaction' ? 0x8010_0068 : undefined)
    await assert.rejects(open(), { code: 'card-in-use' })
  })

  test('a service that says nothing is given up, and nothing later is taken for its answer', async () => {
    pcscd.result = (name) => (name === 'readerStates' ? 'silence' : undefined)
    const service = await PcscService.open(options(50))
    await assert.rejects(service.readers(), { code: 'pcsc-lost' })
    pcscd.result = () => undefined
    await assert.rejects(service.readers(), { code: 'pcsc-lost' })
  })

  suite('in the middle of a command', () => {
    const command = decodeHex('80100000')
    const during = async (result: number, then: () => void = () => {}) => {
      const transport = await open()
      pcscd.result = (name) => {
        if (name !== 'transmit') return undefined
        then()
        return result
      }
      return transport
    }
    const cases: [string, number, string, () => void][] = [
      ['a card that was pulled before', 0x8010_0069, 'card-removed', () => {}],
      ['no card', 0x8010_000c, 'card-removed', () => {}],
      ['a card that is pulled now', 0x8010_0016, 'card-removed', () => (pcscd.readers[0]!.card = false)],
      ['a reader that is gone now', 0x8010_0016, 'reader-vanished', () => pcscd.readers.shift()],
      ['a reader that was gone before', 0x8010_0017, 'reader-vanished', () => {}],
      ['a card that says nothing', 0x8010_0016, 'card-mute', () => {}],
      ['a reset by another program', 0x8010_0068, 'card-in-use', () => {}],
    ]
    for (const [what, result, code, then] of cases) {
      test(`${what} is ${code}, also for every later command; closing is quiet`, async () => {
        const transport = await during(result, then)
        await assert.rejects(transport.transmit(command), { code })
        pcscd.result = () => undefined
        await assert.rejects(transport.transmit(command), { code })
        assert.equal(pcscd.names().filter((name) => name === 'transmit').length, 1)
        await transport.close()
      })
    }

    test('an answer without a status word is none: vpcd brings an empty one when its card is gone', async () => {
      for (const empty of ['', '90']) {
        const transport = await open()
        pcscd.answer = () => decodeHex(empty)
        pcscd.result = (name) => {
          if (name === 'transmit') pcscd.readers[0]!.card = false
          return undefined
        }
        await assert.rejects(transport.transmit(command), { code: 'card-removed' })
        await transport.close()
        pcscd.readers[0]!.card = true
      }
    })

    test('pcscd that ends is pcsc-lost', async () => {
      const transport = await open()
      pcscd.result = (name) => {
        if (name === 'transmit') throw new Error('ended')
        return undefined
      }
      await assert.rejects(transport.transmit(command), { code: 'pcsc-lost' })
      await assert.rejects(transport.transmit(command), { code: 'pcsc-lost' })
      await transport.close()
    })
  })

  test('a card that is gone when it is given back is no failure', async () => {
    const transport = await open()
    pcscd.result = (name) => (name === 'endTransaction' ? 0x8010_0069 : undefined)
    await transport.close()
    const other = await open()
    await pcscd.close()
    await other.close()
    pcscd = await FakePcscd.listen(join(folder, 'again'))
  })

  test('no service, one that lets nobody in, and something else are told apart', async () => {
    await assert.rejects(listReaders({ socket: join(folder, 'nothing') }), { code: 'pcsc-missing' })
    pcscd.result = () => {
      throw new Error('closed at once')
    }
    await assert.rejects(listReaders(options()), { code: 'pcsc-denied' })
    const path = join(folder, 'other')
    const other = createServer((socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
    other.listen(path)
    await once(other, 'listening')
    await assert.rejects(listReaders({ socket: path, patienceMs: 200 }), { code: 'peer-broke-protocol' })
    other.close()
  })
})
