import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii, concat, decodeHex, encodeHex, u16, u32 } from '@sealwright/core/bytes'
import { customizationRecords, type InterfaceName } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { customizationObjects } from '@sealwright/core/customization'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  type CallResult,
  type ChipHost,
  compileProgram,
  defaultBudget,
  instantiate,
  ProgramSimulator,
  type SimulatorOptions,
} from '@sealwright/module/program'
import { Refusal } from '../../src/dispatch/refusal.ts'
import { committed } from './wat.ts'

function simulator(name: string, options: Partial<SimulatorOptions> = {}): ProgramSimulator {
  return new ProgramSimulator({
    program: committed(name),
    crypto,
    entropy: scriptedEntropy(name),
    ...options,
  })
}

const byte = (...values: number[]): Uint8Array => Uint8Array.from(values)
const u64 = (value: number): Uint8Array => concat(u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32))

// ROM and additional software

test('[D5b] PRODUCT INFO of the mask is completed by the additional software, and by nothing else', () => {
  const alone = simulator('rom').transmit(0xd4, undefined, 1)
  assert.deepEqual([alone.sw, alone.data.length], [0x6a81, 0])
  const complete = simulator('rom', { added: committed('added') }).transmit(0xd4, undefined, 1)
  assert.equal(complete.sw, 0x9000)
  const text = 'Sealwright product'
  assert.deepEqual(complete.data, concat(u16(1), byte(text.length), ascii(text)))
  assert.equal(simulator('rom', { added: committed('added') }).transmit(0xd4, byte(0), 1).sw, 0x6a80)
})

test('CHECK LINE: the mask answers a CRC-32, as amended with the length before it', () => {
  // Check value of CRC-32/ISO-HDLC.
  const data = ascii('123456789')
  assert.equal(encodeHex(simulator('rom').transmit(0xbe, data, 2).data), 'CBF43926')
  assert.equal(encodeHex(simulator('added').transmit(0xbe, data, 3).data), '0009CBF43926')
  assert.equal(encodeHex(simulator('rom').transmit(0xbe, data, 3).data), encodeHex(u32(477)))
})

test('PRODUCT DATA of the mask answers the data area that customization wrote', () => {
  const area = simulator('rom', { dataSize: 12 })
  assert.deepEqual(area.transmit(0xd0, undefined, 4).data, new Uint8Array(12))
  assert.equal(simulator('rom', { dataSize: 241 }).transmit(0xd0, undefined, 4).sw, 0x6a84)
})

test('CHECK DIGIT of the additional software: known card numbers', () => {
  // ISO/IEC 7812-1, annex B; numbers that payment schemes publish for tests, without their last digit.
  const digit = (hex: string): string => encodeHex(simulator('added').transmit(0xc0, decodeHex(hex), 2).data)
  assert.equal(digit('7992739871FF'.slice(0, 10)), '03')
  assert.equal(digit('411111111111111F'), '01')
  assert.equal(digit('555555555555444F'), '04')
  assert.equal(digit('37828224631000'), '05')
  assert.equal(simulator('added').transmit(0xc0, decodeHex('1A'), 2).sw, 0x6a80)
  assert.equal(simulator('added').transmit(0xc0, undefined, 2).sw, 0x6700)
})

// Customization software

class Chip implements ChipHost {
  readonly objects = new Map<string, Uint8Array>()
  readonly vectors: number[][] = []
  readonly entries: number[] = []
  put(kind: number, id: number, bytes: Uint8Array): void {
    this.objects.set(`${kind} ${id}`, bytes.slice())
  }
  append(kind: number, id: number, bytes: Uint8Array): void {
    this.put(kind, id, concat(this.#found(kind, id), bytes))
  }
  length(kind: number, id: number): number | undefined {
    return this.objects.get(`${kind} ${id}`)?.length
  }
  digest(kind: number, id: number): Uint8Array {
    return crypto.sha256(this.#found(kind, id))
  }
  vector(...vector: number[]): void {
    this.vectors.push(vector)
  }
  activate(entry: number): void {
    this.entries.push(entry)
  }
  #found(kind: number, id: number): Uint8Array {
    const found = this.objects.get(`${kind} ${id}`)
    if (found === undefined) throw new Refusal('reference-not-found')
    return found
  }
}

const customization = compileProgram(committed('customization'))
const { software, key, 'product-data': productData, 'public-key': publicKey } = customizationObjects

function record(kind: number, id: number, ...parts: Uint8Array[]): Uint8Array {
  const bytes = concat(...parts)
  return concat(byte(kind), u32(id), u16(bytes.length), bytes)
}

function write(chip: Chip, data: Uint8Array, ins = 0x38, p1 = 0): { result: CallResult; data: Uint8Array } {
  let answer: Uint8Array = new Uint8Array(0)
  const io = {
    command: { ins, p1, p2: 0, data },
    fromSupplier: false,
    output: (memory: Uint8Array, from: number, length: number) => {
      answer = concat(answer, memory.subarray(from, from + length))
    },
    status: () => {},
  }
  const grants = new Set<InterfaceName>(['io', 'chip'])
  const result = instantiate({ program: customization, host: { io, chip }, grants }).call(0, defaultBudget)
  return { result, data: answer }
}

test('the customization software stores objects, vectors and activations from the records of a WRITE', () => {
  const chip = new Chip()
  const program = concat(byte(1), new Uint8Array(2000).fill(0x5a))
  const point = concat(byte(4), new Uint8Array(64).fill(7))
  const answer = write(
    chip,
    concat(
      record(productData, 1, ascii('cash')),
      record(key, 0x0010_0101, byte(0x88), new Uint8Array(16).fill(3)),
      record(publicKey, 1, point),
      record(software, 3, program.subarray(0, 1500)),
      record(customizationRecords.append.kind, 3, byte(software), program.subarray(1500)),
      record(customizationRecords.verify.kind, 3, byte(software), crypto.sha256(program)),
      record(customizationRecords.vector.kind, 0, byte(0xd4, 1, 1, 0xb8, 3, 2)),
      record(customizationRecords.activate.kind, 0x14),
    ),
  )
  assert.ok(answer.result.ok)
  assert.deepEqual(answer.data, u16(8))
  assert.deepEqual(chip.objects.get(`${software} 3`), program)
  assert.deepEqual(chip.objects.get(`${key} ${0x0010_0101}`), concat(byte(0x88), new Uint8Array(16).fill(3)))
  assert.deepEqual(chip.objects.get(`${publicKey} 1`), point)
  assert.deepEqual(chip.vectors, [
    [0xd4, 1, 1],
    [0xb8, 3, 2],
  ])
  assert.deepEqual(chip.entries, [0x14])
})

test('the customization software decides: what is malformed or not allowed ends the command with its status', () => {
  const put = record(productData, 1, ascii('cash'))
  const cases: [string, Uint8Array, number][] = [
    ['no records', byte(), 0x6a80],
    ['a header cut short', put.subarray(0, 6), 0x6a80],
    ['bytes cut short', put.subarray(0, put.length - 1), 0x6a80],
    ['a byte left over', concat(put, byte(0)), 0x6a80],
    ['an empty object', record(productData, 1), 0x6a80],
    ['an unknown kind', record(1, 1, byte(1)), 0x6a80],
    ['the vector table as an object', record(2, 0, byte(1, 2, 3)), 0x6a80],
    ['the encrypted image', record(4, 0, byte(1)), 0x6a80],
    ['an unknown record', record(0xf4, 0, byte(1)), 0x6a80],
    ['software in the place of the ROM', record(software, 1, byte(1, 2)), 0x6a80],
    ['software of an unknown format', record(software, 3, byte(2, 2)), 0x6a80],
    ['an AES key of 15 bytes', record(key, 5, byte(0x88), new Uint8Array(15)), 0x6a80],
    ['a key in no place', record(key, 0, byte(0x88), new Uint8Array(16)), 0x6a80],
    ['a point of 64 bytes', record(publicKey, 1, byte(4), new Uint8Array(63)), 0x6a80],
    ['a compressed point', record(publicKey, 1, byte(2), new Uint8Array(64)), 0x6a80],
    ['a piece of a key', record(0xf0, 5, byte(key, 1)), 0x6a80],
    ['a piece of nothing', record(0xf0, 5, byte(software, 1)), 0x6a88],
    ['an empty piece', record(0xf0, 1, byte(productData)), 0x6a80],
    ['a vector of two bytes', record(0xf1, 0, byte(0xd4, 1)), 0x6a80],
    ['a vector with an id', record(0xf1, 1, byte(0xd4, 1, 1)), 0x6a80],
    ['a vector for 6X', record(0xf1, 0, byte(0x61, 1, 1)), 0x6a80],
    ['a vector for 9X', record(0xf1, 0, byte(0x90, 1, 1)), 0x6a80],
    ['activation with bytes', record(0xf2, 0x14, byte(1)), 0x6a80],
    ['activation of no entry', record(0xf2, 0), 0x6a80],
    ['activation beyond the entries', record(0xf2, 0x100), 0x6a80],
    ['a digest of nothing', record(0xf3, 9, byte(software), new Uint8Array(32)), 0x6a88],
    ['a wrong digest', concat(put, record(0xf3, 1, byte(productData), new Uint8Array(32))), 0x6a80],
    ['a digest cut short', concat(put, record(0xf3, 1, byte(productData), new Uint8Array(31))), 0x6a80],
    ['a record above 4096 bytes', record(productData, 1, new Uint8Array(4097)), 0x6700],
  ]
  for (const [name, data, sw] of cases) {
    const { result } = write(new Chip(), data)
    assert.ok(!result.ok && result.reason === 'refused', `${name}: ${JSON.stringify(result)}`)
    assert.equal(result.sw, sw, name)
  }
  assert.equal(refusedWith(write(new Chip(), put, 0x3a)), 0x6d00)
  assert.equal(refusedWith(write(new Chip(), put, 0x38, 1)), 0x6a86)
  assert.ok(write(new Chip(), put).result.ok)
})

function refusedWith({ result }: { result: CallResult }): number | undefined {
  return result.ok ? undefined : result.sw
}

// Loyalty

const [diesel, petrol] = [0x0020_0101, 0x0020_0102]
const keys = new Map([
  [diesel, new Uint8Array(16).fill(0xd1)],
  [petrol, new Uint8Array(16).fill(0xb2)],
])
const [CREDIT, DEBIT, TOTALS] = [0xb8, 0xba, 0xbc]

function cmac(place: number, ...parts: Uint8Array[]): Uint8Array {
  const key = crypto.aes(keys.get(place)!)
  try {
    return key.cmac(...parts)
  } finally {
    key[Symbol.dispose]()
  }
}

function customerRecord(place: number, balance: number, sequence: number, card = 1): Uint8Array {
  const body = concat(u64(card), u32(balance), u32(sequence))
  return concat(body, cmac(place, ascii('LOY1'), body))
}

const station = (): ProgramSimulator => simulator('loyalty', { keys, dataSize: 72 })

test("loyalty: points are credited and debited, the new record and a receipt carry MACs under the fuel's key", () => {
  const terminal = station()
  const credited = terminal.transmit(CREDIT, concat(u32(diesel), customerRecord(diesel, 100, 4), u32(25)))
  assert.equal(credited.sw, 0x9000)
  assert.deepEqual(credited.data.subarray(0, 32), customerRecord(diesel, 125, 5))
  assert.deepEqual(credited.data.subarray(32, 36), u32(1))
  const receipt = concat(
    ascii('LOY2'),
    u32(1),
    byte(CREDIT),
    u32(25),
    customerRecord(diesel, 125, 5).subarray(0, 16),
  )
  assert.deepEqual(credited.data.subarray(36), cmac(diesel, receipt))
  const debited = terminal.transmit(DEBIT, concat(u32(diesel), credited.data.subarray(0, 32), u32(125)))
  assert.deepEqual(debited.data.subarray(0, 32), customerRecord(diesel, 0, 6))
  // By the numbers that vectors name.
  const again = station()
  const one = concat(u32(petrol), customerRecord(petrol, 1, 0), u32(1))
  assert.deepEqual(again.transmit(0, one, 1).data.subarray(0, 32), customerRecord(petrol, 2, 1))
  assert.deepEqual(terminal.transmit(TOTALS).data, concat(u32(1), u32(1), u64(25), u64(125), u32(2)))
})

test('loyalty: overflow, underflow, no points, a record of another fuel, a forged record or place: refused, nothing counted', () => {
  const terminal = station()
  const good = customerRecord(diesel, 10, 1)
  const forged = Uint8Array.from(good, (value, i) => (i === 11 ? value ^ 1 : value))
  const cases: [number, Uint8Array, number][] = [
    [CREDIT, concat(u32(diesel), customerRecord(diesel, 0xffff_ffff, 1), u32(1)), 0x6985],
    [DEBIT, concat(u32(diesel), good, u32(11)), 0x6985],
    [CREDIT, concat(u32(diesel), customerRecord(diesel, 1, 0xffff_ffff), u32(1)), 0x6985],
    [CREDIT, concat(u32(diesel), good, u32(0)), 0x6a80],
    [CREDIT, concat(u32(petrol), good, u32(1)), 0x6982],
    [CREDIT, concat(u32(diesel), forged, u32(1)), 0x6982],
    [CREDIT, concat(u32(0x0020_0103), good, u32(1)), 0x6a88],
    [CREDIT, concat(u32(diesel), good, byte(1, 2, 3)), 0x6a80],
    [CREDIT, concat(u32(diesel), good, u32(1), byte(0)), 0x6a80],
    [TOTALS, byte(1), 0x6a80],
    [0x10, byte(), 0x6d00],
  ]
  for (const [ins, data, sw] of cases) assert.equal(terminal.transmit(ins, data).sw, sw)
  assert.deepEqual(terminal.data, new Uint8Array(72))
  assert.equal(simulator('loyalty', { keys, dataSize: 71 }).transmit(TOTALS).sw, 0x6a84)
})

test('loyalty: a repeated command gives the same answer and counts once; an older record of the same card is refused', () => {
  const terminal = station()
  const command = concat(u32(diesel), customerRecord(diesel, 100, 4), u32(25))
  const first = terminal.transmit(CREDIT, command)
  terminal.select()
  assert.deepEqual(terminal.transmit(CREDIT, command).data, first.data)
  assert.deepEqual(terminal.transmit(TOTALS).data.subarray(0, 4), u32(1))
  // The same record for other points, or the other way round, is a second use.
  assert.equal(
    terminal.transmit(CREDIT, concat(u32(diesel), customerRecord(diesel, 100, 4), u32(26))).sw,
    0x6a89,
  )
  assert.equal(terminal.transmit(DEBIT, command).sw, 0x6a89)
  assert.equal(
    terminal.transmit(CREDIT, concat(u32(diesel), customerRecord(diesel, 9, 3), u32(25))).sw,
    0x6a89,
  )
  // Another card, or the same number with another fuel, is another record.
  assert.equal(
    terminal.transmit(CREDIT, concat(u32(diesel), customerRecord(diesel, 9, 3, 2), u32(25))).sw,
    0x9000,
  )
  assert.equal(
    terminal.transmit(CREDIT, concat(u32(petrol), customerRecord(petrol, 9, 3, 2), u32(25))).sw,
    0x9000,
  )
})

// Bank

const [STORE, IDENTIFY, STATEMENT, AUTHORISE, CHANGE_PIN] = [0x10, 0x12, 0x14, 0x16, 0x18]
const scalar = new Uint8Array(32).fill(0x11)
const resource = byte(0, 7)
const time = 1_700_000_000

function bank(options: Partial<SimulatorOptions> = {}): ProgramSimulator {
  return simulator('bank', { dataSize: 128, signer: { scalar, resource }, now: () => time, ...options })
}

const account = '1234567890123456'
const storing = (pin: string, limit = 50_000): Uint8Array =>
  concat(u64(limit), byte(account.length), ascii(account), ascii(pin))

function opened(pin = '2718'): ProgramSimulator {
  const telephone = bank()
  assert.equal(telephone.transmit(STORE, storing(pin)).sw, 0x9000)
  return telephone
}

test("[C8c] the bank's application keeps the account, identifies its holder and shows the number masked", () => {
  const telephone = opened()
  assert.equal(telephone.transmit(STATEMENT).sw, 0x6982)
  assert.equal(telephone.transmit(IDENTIFY, ascii('2718')).sw, 0x9000)
  const statement = telephone.transmit(STATEMENT)
  assert.deepEqual(statement.data, concat(byte(16), ascii('************3456'), u32(0), u64(0)))
  // A new selection forgets who it was.
  telephone.select()
  assert.equal(telephone.transmit(STATEMENT).sw, 0x6982)
})

test("the bank's account comes in the bank's own channel or not at all", () => {
  const telephone = bank()
  telephone.fromSupplier = false
  assert.equal(telephone.transmit(STORE, storing('2718')).sw, 0x6982)
  assert.deepEqual(telephone.data, new Uint8Array(128))
  telephone.fromSupplier = true
  assert.equal(telephone.transmit(STORE, storing('2718')).sw, 0x9000)
})

test('[C8c] wrong PINs are counted for good, a right one gives the tries back, three end it', () => {
  const telephone = opened()
  assert.equal(telephone.transmit(IDENTIFY, ascii('2719')).sw, 0x63c2)
  telephone.select()
  assert.equal(telephone.transmit(IDENTIFY, ascii('27180')).sw, 0x63c1)
  assert.equal(telephone.transmit(IDENTIFY, ascii('2718')).sw, 0x9000)
  for (const sw of [0x63c2, 0x63c1, 0x6983]) {
    assert.equal(telephone.transmit(IDENTIFY, ascii('0000')).sw, sw)
    assert.equal(telephone.transmit(STATEMENT).sw, 0x6982)
  }
  assert.equal(telephone.transmit(IDENTIFY, ascii('2718')).sw, 0x6983)
  telephone.select()
  assert.equal(telephone.transmit(IDENTIFY, ascii('2718')).sw, 0x6983)
})

test("[C8c] an authorisation is signed with number, time and payee's nonce, once per identification and up to the limit", () => {
  const telephone = opened()
  const nonce = new Uint8Array(16).fill(9)
  const order = (amount: number): Uint8Array => concat(u64(amount), byte(0x09, 0x78), nonce)
  assert.equal(telephone.transmit(AUTHORISE, order(100)).sw, 0x6982)
  telephone.transmit(IDENTIFY, ascii('2718'))
  const { sw, data } = telephone.transmit(AUTHORISE, order(50_000))
  assert.equal(sw, 0x9000)
  assert.deepEqual(data.subarray(0, 12), concat(u32(1), u64(time)))
  const signed = concat(ascii('PAY1'), u32(1), u64(time), order(50_000), ascii('3456'))
  const signer = crypto.ecPrivateKey(scalar)
  const verifier = crypto.ecPublicKey(signer.publicPoint)
  assert.ok(verifier.verify(data.subarray(12), ascii('APP1'), resource, signed))
  signer[Symbol.dispose]()
  verifier[Symbol.dispose]()
  assert.equal(telephone.transmit(AUTHORISE, order(100)).sw, 0x6982)
  for (const [amount, refused] of [
    [50_001, 0x6985],
    [0, 0x6a80],
  ] as const) {
    telephone.transmit(IDENTIFY, ascii('2718'))
    assert.equal(telephone.transmit(AUTHORISE, order(amount)).sw, refused)
  }
  telephone.transmit(IDENTIFY, ascii('2718'))
  assert.deepEqual(telephone.transmit(STATEMENT).data.subarray(17), concat(u32(1), u64(50_000)))
})

test('bank: the account is stored once, and only when it is one', () => {
  for (const data of [
    concat(u64(1), byte(4), ascii('1234'), ascii('2718')),
    concat(u64(1), byte(21), ascii('1'.repeat(21)), ascii('2718')),
    concat(u64(1), byte(16), ascii('12345678901234 6'), ascii('2718')),
    storing('271'),
    storing('2718281828459'),
    storing('27l8'),
    u64(1),
  ]) {
    const telephone = bank()
    assert.equal(telephone.transmit(STORE, data).sw, 0x6a80)
    assert.deepEqual(telephone.data, new Uint8Array(128))
  }
  const telephone = opened()
  assert.equal(telephone.transmit(STORE, storing('0000')).sw, 0x6985)
  assert.equal(telephone.transmit(IDENTIFY, ascii('2718')).sw, 0x9000)
  assert.equal(bank().transmit(IDENTIFY, ascii('2718')).sw, 0x6985)
  assert.equal(bank({ dataSize: 91 }).transmit(STORE, storing('2718')).sw, 0x6a84)
})

test('bank: the PIN is nowhere in the data area; after a change the old one is wrong', () => {
  const telephone = opened('271828')
  assert.ok(!Buffer.from(telephone.data).includes('271828'))
  const before = telephone.data
  assert.equal(telephone.transmit(CHANGE_PIN, ascii('314159')).sw, 0x6982)
  telephone.transmit(IDENTIFY, ascii('271828'))
  assert.equal(telephone.transmit(CHANGE_PIN, ascii('314159')).sw, 0x9000)
  assert.notDeepEqual(telephone.data.subarray(24, 72), before.subarray(24, 72))
  assert.equal(telephone.transmit(IDENTIFY, ascii('271828')).sw, 0x63c2)
  assert.equal(telephone.transmit(IDENTIFY, ascii('314159')).sw, 0x9000)
})

// Other compilers

test("a program from C runs: calls through a table, static data, a linker's exports", () => {
  const number = (value: number): Uint8Array => concat(byte(0), u32(value))
  const calculate = (...parts: Uint8Array[]): string => {
    const { data, sw } = simulator('elsewhere/calculator').transmit(0, concat(...parts))
    return sw === 0x9000 ? encodeHex(data) : sw.toString(16)
  }
  assert.equal(calculate(number(6), number(7), ascii('*')), '0000002A')
  assert.equal(calculate(number(100), number(3), ascii('/'), number(40), ascii('m')), '00000028')
  assert.equal(calculate(number(1), number(0), ascii('/')), '6a80')
  assert.equal(calculate(number(1), ascii('+')), '6a80')
  assert.equal(calculate(number(1), number(1), ascii('?')), '6a80')
  assert.equal(calculate(new Uint8Array(257)), '6700')
})

test('a program from Rust runs: sorting from its library', () => {
  const data = scriptedEntropy('median').bytes(255)
  const { data: answer, sw } = simulator('elsewhere/median').transmit(0, data)
  const sorted = data.slice().sort()
  assert.equal(sw, 0x9000)
  assert.deepEqual(answer, concat(byte(sorted[127]!), sorted))
  assert.equal(simulator('elsewhere/median').transmit(0).sw, 0x6700)
})
