import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResponse } from '@sealwright/core/apdu'
import { concat, decodeHex, encodeHex, equal } from '@sealwright/core/bytes'
import { type CommandName, commands, programInstructions } from '@sealwright/core/catalog'
import { parseChipStatus, type WriteRecord, type WriteVector } from '@sealwright/core/customization'
import type { Module } from '../src/index.ts'
import { areaOf, type RamMedium } from '../src/medium/index.ts'
import { added, masked, productChip } from './product.ts'

const info = programInstructions['PRODUCT INFO'].ins
const line = programInstructions['CHECK LINE'].ins
const digit = 0xce
const data = decodeHex('010203')
const none = new Uint8Array(0)

interface Product {
  readonly vectors: readonly WriteVector[]
  readonly natives: readonly CommandName[]
  readonly objects: readonly WriteRecord[]
}

/** What is masked answers as it was masked; nothing is added. */
const plain: Product = {
  vectors: [
    { ins: info, program: 1, function: 1 },
    { ins: line, program: 1, function: 2 },
  ],
  natives: ['CHIP STATUS', 'SELF TEST'],
  objects: [],
}

/** The additional software completes PRODUCT INFO, its update replaces CHECK LINE, and it brings a command of its own. */
const amended: Product = {
  vectors: [
    { ins: info, program: 1, function: 1 },
    { ins: line, program: 2, function: 3 },
    { ins: digit, program: 2, function: 2 },
  ],
  natives: ['CHIP STATUS', 'SELF TEST', 'PREPARE'],
  objects: added,
}

test('[D5f][D13a] one mask becomes two products by customization alone: of all instructions they differ in those that customization chose', async () => {
  const [one, other] = [masked.chip(), masked.chip()]
  assert.deepEqual(one.snapshot(), other.snapshot())
  const [first, second] = [await made(plain), await made(amended)]
  // Nothing but EEPROM tells them apart.
  assert.equal(equal(romOf(first.medium), romOf(second.medium)), true)
  assert.deepEqual(statusOf(first.module), statusOf(second.module))
  const answers = [answersOf(first.module), answersOf(second.module)] as const
  const differing = [...answers[0].keys()].filter((ins) => answers[0].get(ins) !== answers[1].get(ins))
  assert.deepEqual(
    Object.fromEntries(differing.map((ins) => [ins, [answers[0].get(ins), answers[1].get(ins)]])),
    {
      // Known to the table, and waiting for personalization.
      [commands.PREPARE.ins]: ['6D00', '6985'],
      [line]: ['55BC801D9000', '000355BC801D9000'],
      [digit]: ['6D00', answers[1].get(digit)],
      [info]: ['6A81', '0001125365616C7772696768742070726F647563749000'],
    },
  )
  assert.match(answers[1].get(digit)!, /^0[0-9]9000$/)
})

test('[D5c][D6b] an update and the function it replaces are both there: the vector alone says which one answers', async () => {
  const back: Product = { ...amended, vectors: plain.vectors }
  const answers = async (product: Product) => answersOf((await made(product)).module).get(line)
  assert.equal(await answers(amended), '000355BC801D9000')
  assert.equal(await answers(back), '55BC801D9000')
  assert.equal(await answers({ ...amended, vectors: plain.vectors.slice(0, 1) }), '6D00')
})

async function made({ vectors, natives, objects }: Product): Promise<{ module: Module; medium: RamMedium }> {
  return productChip(vectors, natives, objects)
}

/** What each instruction answers, in hex. */
function answersOf(module: Module): Map<number, string> {
  const answers = new Map<number, string>()
  for (let ins = 0; ins < 0x100; ins++) {
    // GET RESPONSE and what the two have in common stand here too, and are equal.
    const sent = ins === info ? none : concat(Uint8Array.of(data.length), data)
    answers.set(ins, encodeHex(module.transmit(concat(Uint8Array.of(0x80, ins, 0, 0), sent))))
  }
  return answers
}

function statusOf(module: Module) {
  const { data: bytes, sw } = parseResponse(module.transmit(decodeHex('8030000000')))
  assert.equal(sw, 0x9000)
  return parseChipStatus(bytes)
}

function romOf(medium: RamMedium): Uint8Array {
  const { first, pages } = areaOf(medium.geometry, 'rom')
  return concat(...Array.from({ length: pages }, (_, i) => medium.read(first + i)))
}
