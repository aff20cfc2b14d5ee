import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat, decodeHex, encodeHex, u32 } from '@sealwright/core/bytes'
import { type CommandName, commands, keyPlaces } from '@sealwright/core/catalog'
import { countingCrypto, diversify } from '@sealwright/core/crypto'
import {
  type DownloadContext,
  type Profile,
  parseKeyMessage,
  parseKeyRequest,
  serializeContext,
} from '@sealwright/core/key-download'
import type { Transport } from '@sealwright/core/ports'
import { type WatchingCrypto, watchingCrypto } from '@sealwright/core/testing'
import { FaultMedium, PowerLoss, RamMedium } from '@sealwright/module/medium'
import { memoryImage } from '@sealwright/module/memory-image'
import { plain } from '@sealwright/roles/channel'
import { nodeCrypto } from '../src/crypto/index.ts'
import { tracing } from '../src/transport/index.ts'
import {
  applicationKey,
  type Bench,
  credit,
  documentChannel,
  exportKey,
  flipped,
  fuel,
  importKey,
  keyAt,
  loader,
  memoryOf,
  other,
  powered,
  prepare,
  sealed,
  serial,
  signatureKey,
  transportKey,
  unit,
} from './key-download-bench.ts'

const profiles = ['shared', 'diversified'] as const

/** T1 and the keys from it, computed here from the published formulas alone. */
function operationKeys(profile: Profile, context: DownloadContext): Record<string, Uint8Array> {
  const { serial: own } = context
  const TU = diversify(nodeCrypto, transportKey, concat(own, ascii('ESM-TU01')))
  const T1 = diversify(nodeCrypto, profile === 'shared' ? transportKey : TU, concat(own, ascii('ESM-KDL1')))
  const key = (label: string): Uint8Array =>
    nodeCrypto
      .aes(T1)
      .cmac(
        Uint8Array.of(1),
        ascii(label),
        Uint8Array.of(0),
        serializeContext(context),
        Uint8Array.of(0, 0x80),
      )
  return { T1, K_E: key('KDL-ENC'), K_M: key('KDL-MAC'), K_A: key('KDL-ACK') }
}

function contextOf(request: Uint8Array, counter = 1): DownloadContext {
  return { ...parseKeyRequest(request), counter }
}

function imageOf({ medium, module }: Pick<Bench, 'medium' | 'module'>) {
  const programs = module.parts.programs.memories()
  return memoryImage({ medium, ram: module.parts.ram, programs })
}

/** Every place in a module's memory where one of the keys stands. */
function found(bench: Pick<Bench, 'medium' | 'module'>, keys: Record<string, Uint8Array>): string[] {
  const image = imageOf(bench)
  return Object.entries(keys).flatMap(([name, key]) =>
    image.search(key).map(({ section }) => `${name} in ${section}`),
  )
}

/** Puts the keys where they must not be, sees that the search finds them, and takes them away again. */
function plant(bench: Bench, keys: Record<string, Uint8Array>): void {
  const { nvm, objects, ram } = bench.module.parts
  for (const [name, key] of Object.entries(keys)) {
    nvm.transaction((tx) => objects.put(tx, 'session-data', 77, key))
    ram.allocate('planted', key.length).set(key)
    assert.deepEqual(found(bench, { [name]: key }).sort(), [`${name} in eeprom`, `${name} in ram`])
    nvm.transaction((tx) => objects.remove(tx, 'session-data', 77))
    ram.release('planted')
    assert.deepEqual(found(bench, { [name]: key }), [])
  }
}

/** Bytes in a text: as hex of either case, or as they are. */
function inText(text: string, key: Uint8Array): boolean {
  return text.toUpperCase().includes(encodeHex(key))
}

/** Listens to a module: its wire, and its trace as `--trace` writes it. */
function listening(bench: Bench): { transport: Transport; wire: () => string; log: () => string } {
  const wire: Uint8Array[] = []
  const lines: string[] = []
  const tapped: Transport = {
    async transmit(command) {
      wire.push(command)
      const answer = await bench.transport.transmit(command)
      wire.push(answer)
      return answer
    },
    close: () => bench.transport.close(),
  }
  return {
    transport: tracing(tapped, (line) => void lines.push(line)),
    wire: () => encodeHex(concat(...wire)),
    log: () => lines.join('\n'),
  }
}

for (const profile of profiles) {
  test(`[A3a][A3e] after a download T1 and the keys from it are in no memory, wire or log: ${profile}`, async () => {
    const [as, ei] = [loader({ profile }), unit({ profile })]
    const [atLoader, atUnit] = [listening(as), listening(ei)]
    const [loaderBench, unitBench] = [
      { ...as, transport: atLoader.transport },
      { ...ei, transport: atUnit.transport },
    ]
    const request = parseKeyRequest((await sendOver(unitBench, 'PREPARE', u32(fuel.place))).data)
    const keys = operationKeys(profile, { ...request, counter: 1 })
    plant(as, keys)
    plant(ei, keys)
    const answer = await exportKey(
      loaderBench,
      concat(serial, u32(fuel.source), u32(fuel.place), request.random),
    )
    const receipt = await sendOver(unitBench, 'IMPORT KEY', answer.data, 1)
    assert.equal(receipt.sw, 0x9000)
    // The keys computed here are the ones that were used: they open what passed.
    const { header, cryptogram } = parseKeyMessage(answer.data)
    const opened = nodeCrypto.aes(keys['K_E']!).cbcDecrypt(new Uint8Array(16), cryptogram)
    assert.deepEqual(opened.subarray(24, 40), applicationKey)
    assert.equal(header.counter, 1)
    assert.deepEqual(found(as, keys), [])
    assert.deepEqual(found(ei, keys), [])
    assert.ok(inText(atUnit.wire(), answer.data), 'the wire was listened to')
    assert.ok(atLoader.wire().length > 500 && atUnit.log().includes('IMPORT KEY'))
    for (const [name, key] of Object.entries({
      ...keys,
      TA: applicationKey,
      T: transportKey,
      KS: signatureKey,
    })) {
      for (const text of [atLoader.wire(), atUnit.wire(), atLoader.log(), atUnit.log()])
        assert.equal(inText(text, key), false, name)
    }
  })

  test(`[A3b] T1 is in no RAM after EXPORT KEY, PREPARE and IMPORT KEY have returned: ${profile}`, async () => {
    const [as, ei] = [loader({ profile }), unit({ profile })]
    const request = await prepare(ei)
    const keys = operationKeys(profile, contextOf(request))
    assert.deepEqual(found(ei, keys), [], 'after PREPARE')
    assert.ok(
      imageOf(ei)
        .section('ram')!
        .some((byte) => byte !== 0),
      'R is there: the search sees RAM',
    )
    const { data } = await exportKey(as, request)
    assert.deepEqual(found(as, keys), [], 'after EXPORT KEY')
    await importKey(ei, data)
    assert.deepEqual(found(ei, keys), [], 'after IMPORT KEY')
    assert.ok(
      imageOf(ei)
        .section('ram')!
        .every((byte) => byte === 0),
      'nothing is left in RAM',
    )
  })

  test(`[A3d][A3e] after a power cut at each step T1 and the keys from it are nowhere: ${profile}`, async () => {
    const request = { ...unit({ profile }) }
    const R = await prepare(request, fuel.place, 0, 1)
    const message = sealed(R, { profile })
    const keys = operationKeys(profile, contextOf(R))
    const before = request.medium.snapshot()
    let cuts = 0
    for (const mode of ['whole', 'torn', 'lost'] as const) {
      for (let cutAt = 1; ; cutAt++) {
        const ram = RamMedium.from(before)
        const fault = new FaultMedium(ram, { cutAt, mode })
        const watching = watchingCrypto(nodeCrypto)
        let module: Bench | undefined
        try {
          module = powered(request.fixture, fault, watching)
          await importKey(module, message)
        } catch (error) {
          if (!(error instanceof PowerLoss)) throw error
        }
        if (module !== undefined) {
          assert.deepEqual(found({ medium: ram, module: module.module }, keys), [], `${mode} ${cutAt}`)
          assertWiped(watching, keys, `${mode} ${cutAt}`)
        }
        const after = powered(request.fixture, ram)
        assert.deepEqual(
          found({ medium: ram, module: after.module }, keys),
          [],
          `${mode} ${cutAt}, restarted`,
        )
        if (!fault.dead) break
        cuts++
      }
    }
    assert.ok(cuts > 20, `${cuts} cuts`)
  })

  test(`[A3d] after a power cut at each step of EXPORT KEY T1 is nowhere at the loader: ${profile}`, async () => {
    const as = loader({ profile })
    const ei = unit({ profile })
    const request = await prepare(ei)
    const before = as.medium.snapshot()
    let cuts = 0
    for (let cutAt = 1; ; cutAt++) {
      const ram = RamMedium.from(before)
      const fault = new FaultMedium(ram, { cutAt, mode: 'torn' })
      const module = powered(as.fixture, fault)
      let answered = false
      try {
        answered = (await exportKey(module, request)).sw === 0x9000
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error
      }
      // Whatever XCTR the broken run took or did not take.
      for (const counter of [1, 2]) {
        const keys = operationKeys(profile, contextOf(request, counter))
        assert.deepEqual(found({ medium: ram, module: module.module }, keys), [], `cut ${cutAt}`)
      }
      if (!fault.dead) {
        assert.ok(answered)
        break
      }
      cuts++
    }
    assert.ok(cuts > 3, `${cuts} cuts`)
  })
}

test('[A3c] T1 is erased on every error path of IMPORT KEY, and on reset', async () => {
  const wrongKs = signatureKey.map((byte) => byte ^ 1)
  const paths: [what: string, make: (request: Uint8Array) => Uint8Array, sw: number][] = [
    ['accepted', (request) => sealed(request), 0x9000],
    ['CAS wrong', (request) => flipped(sealed(request), 8 * 60), 0x6988],
    ['SAS wrong', (request) => sealed(request, { KS: wrongKs }), 0x6a80],
    ['a lower version', (request) => sealed(request, { attributes: { version: 0 } }), 0x6a80],
    [
      'a usage that the place does not take',
      (request) => sealed(request, { attributes: { usage: 'K0' } }),
      0x6a80,
    ],
  ]
  for (const [what, make, sw] of paths) {
    const watching = watchingCrypto(nodeCrypto)
    const ei = unit({ crypto: watching })
    await importKey(ei, sealed(await prepare(ei)))
    const request = await prepare(ei)
    const keys = operationKeys('shared', contextOf(request))
    const message = make(request)
    watching.clear()
    assert.equal((await importKey(ei, message)).sw, sw, what)
    assert.ok(
      watching.keys.some(({ bytes }) => encodeHex(bytes) === encodeHex(keys['T1']!)),
      `${what}: T1 was in use`,
    )
    assertWiped(watching, keys, what)
    assert.deepEqual(found(ei, keys), [], what)
    ei.module.reset()
    assert.deepEqual(found(ei, keys), [], `${what}, reset`)
  }
})

test('[A3c] T1 is erased when the memory has no room for the key, and when the loader breaks off', async () => {
  const watching = watchingCrypto(nodeCrypto)
  const ei = unit({ crypto: watching })
  const { nvm, objects } = ei.module.parts
  const request = await prepare(ei)
  const keys = operationKeys('shared', contextOf(request))
  const message = sealed(request)
  // Every gap is filled: big ones first.
  let id = 0x7000
  for (let size = 0x8000; size >= 1; size = size >> 1) {
    for (let full = false; !full; ) {
      try {
        nvm.transaction((tx) => objects.put(tx, 'product-data', id++, new Uint8Array(size)))
      } catch {
        full = true
      }
    }
  }
  watching.clear()
  assert.equal((await importKey(ei, message)).sw, 0x6a84)
  assertWiped(watching, keys, 'no room')
  assert.deepEqual(found(ei, keys), [])
  assert.equal((await importKey(ei, message)).sw, 0x6985, 'R is used up')

  const breaking = watchingCrypto(nodeCrypto)
  const as = loader({
    crypto: breaking,
    keys: [{ source: fuel.source, attributes: { ...shortKey, keyLength: 24 } }],
  })
  breaking.clear()
  // The entry lies about the key's length: sealing breaks after T1 was made, and the module answers 6F00.
  await assert.rejects(exportKey(as, request), /another key length/)
  for (const { buffer, bytes } of breaking.keys)
    if (encodeHex(bytes) === encodeHex(keys['T1']!)) assert.ok(buffer.every((byte) => byte === 0))
})

const shortKey = { usage: 'M6', algorithm: 'A', mode: 'C', version: 1, exportability: 'N' } as const

test('[A1c] T is only ever diversified: under every instruction, with data of every kind', async () => {
  for (const profile of profiles) {
    const watching = watchingCrypto(nodeCrypto)
    const granted = [fuel.place, keyPlaces.transport, keyPlaces.signature]
    const ei = unit({ profile, crypto: watching, granted })
    watching.clear()
    const again = powered(ei.fixture, ei.medium, watching)
    const place = u32(keyPlaces.transport)
    const samples = [
      new Uint8Array(0),
      place,
      concat(place, new Uint8Array(36).fill(1)),
      concat(place, place, place, place, place, place, place, place),
      sealed(await prepare(again), { profile }),
    ]
    for (let ins = 0; ins < 256; ins++) {
      if (ins === commands['INITIALIZE UPDATE'].ins) continue
      for (const data of samples) {
        for (const p1 of [0, 1]) {
          const body = data.length === 0 ? data : concat(Uint8Array.of(data.length), data)
          await again.transport.transmit(concat(Uint8Array.of(0x80, ins, p1, 0), body))
        }
      }
    }
    await importKey(again, sealed(await prepare(again), { profile, attributes: { version: 9 } }))
    await keyAt(again, keyPlaces.transport)
    const stored = profile === 'shared' ? transportKey : unitKey()
    const uses = watching.keys
      .filter(({ bytes }) => encodeHex(bytes) === encodeHex(stored))
      .flatMap((key) => key.uses.map(({ primitive, input }) => `${primitive} ${encodeHex(input)}`))
    const diversification = `cmac 01${encodeHex(serial)}${encodeHex(ascii('ESM-KDL1'))}`
    // Beside it, the check value by which places are listed: CMAC over zeros.
    assert.deepEqual([...new Set(uses)].sort(), [`cmac ${'00'.repeat(16)}`, diversification].sort())
  }
})

test('[A1c] a program that was granted the place of T or KS1 cannot use the key there', async () => {
  const record = { number: serial, balance: 0, sequence: 0, mac: new Uint8Array(16) }
  for (const place of [keyPlaces.transport, keyPlaces.signature]) {
    const watching = watchingCrypto(nodeCrypto)
    const ei = unit({ crypto: watching, granted: [fuel.place, place] })
    const before = memoryOf(ei)
    watching.clear()
    assert.equal((await credit(ei, { place, record, points: 1 })).sw, 0x6a88)
    assert.deepEqual(watching.keys, [])
    assert.deepEqual(memoryOf(ei), before)
    await importKey(ei, sealed(await prepare(ei)))
    assert.equal((await credit(ei, { place: fuel.place, record, points: 1 })).sw, 0x9000)
  }
})

test('[B1d] a use that a key’s entry does not name is refused to a program', async () => {
  const record = { number: serial, balance: 0, sequence: 0, mac: new Uint8Array(16) }
  const rows: [usage: string, mode: string, credited: number][] = [
    ['M6', 'C', 0x9000],
    ['M6', 'N', 0x9000],
    // A card's record is verified before it is made anew; the first one of a card is only made.
    ['M6', 'G', 0x9000],
    ['M6', 'V', 0x6985],
    ['D0', 'B', 0x6985],
    ['D0', 'N', 0x6985],
    ['K0', 'N', 0x6985],
  ]
  for (const [usage, mode, credited] of rows) {
    const counting = countingCrypto(nodeCrypto)
    const ei = unit({ crypto: counting })
    const message = sealed(await prepare(ei, other.place), { attributes: { usage, mode } })
    assert.equal((await importKey(ei, message)).sw, 0x9000)
    const first = await credit(ei, { place: other.place, record, points: 5 })
    assert.equal(first.sw, credited, `${usage} ${mode}`)
    if (credited !== 0x9000) continue
    const next = { ...record, balance: 5, sequence: 1, mac: first.data.slice(16, 32) }
    const second = await credit(ei, { place: other.place, record: next, points: 5 })
    assert.equal(
      second.sw,
      mode === 'G' ? 0x6985 : 0x9000,
      `${usage} ${mode}, a card that was credited before`,
    )
  }
})

test('what the loader answers in its channel holds no key: LIST KEYS, MAKE KEY, EXPORT KEY, VERIFY RECEIPT', async () => {
  const as = loader()
  const channel = await documentChannel(as)
  const answers: Uint8Array[] = []
  const order = concat(u32(0x00010b01), Uint8Array.of(1, 0), u32(0xffffffff), decodeHex('4D36414330314E1000'))
  const request = concat(serial, u32(fuel.source), u32(fuel.place), new Uint8Array(16))
  for (const [name, data] of [
    ['MAKE KEY', order],
    ['LIST KEYS', new Uint8Array(0)],
    ['EXPORT KEY', request],
  ] as const) {
    const { data: answer, sw } = await channel.exchange(name, { data })
    assert.equal(sw, 0x9000, name)
    answers.push(answer)
  }
  const made = as.module.parts.keys.lend(0x00010b01, (key) => key.slice())
  const all = encodeHex(concat(...answers))
  for (const key of [transportKey, signatureKey, applicationKey, made]) assert.equal(inText(all, key), false)
})

function unitKey(): Uint8Array {
  return diversify(nodeCrypto, transportKey, concat(serial, ascii('ESM-TU01')))
}

function sendOver({ transport }: Bench, name: CommandName, data: Uint8Array, p1 = 0) {
  return plain(transport).exchange(name, { data, p1 })
}

/** Of T1, of the keys from it and of the key that was opened no buffer and no handle is left. */
function assertWiped(watching: WatchingCrypto, keys: Record<string, Uint8Array>, what: string): void {
  const secret = new Set([...Object.values(keys), applicationKey].map(encodeHex))
  for (const { bytes, buffer, disposed, uses } of watching.keys) {
    if (!secret.has(encodeHex(bytes))) continue
    assert.ok(
      buffer.every((byte) => byte === 0),
      `${what}: a buffer is left`,
    )
    assert.ok(disposed, `${what}: a handle is left`)
    for (const { primitive, output } of uses)
      if (primitive === 'cbcDecrypt')
        assert.ok(
          output.every((byte) => byte === 0),
          `${what}: a plaintext is left`,
        )
  }
}
