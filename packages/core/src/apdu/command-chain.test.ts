import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandChain, command } from './index.ts'

const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill)

test('a command without a chain passes unchanged', () => {
  const chain = new CommandChain()
  const sent = command({ cla: 0x80, ins: 0x10, data: bytes(3, 1), le: 16 })
  assert.deepEqual(chain.accept(sent), { kind: 'complete', command: sent })
  assert.equal(chain.open, false)
})

test('segments with class bit b5 become one command with the last Le', () => {
  const chain = new CommandChain()
  assert.equal(
    chain.accept(command({ cla: 0x94, ins: 0xd8, p1: 1, p2: 2, data: bytes(255, 1) })).kind,
    'more',
  )
  assert.equal(chain.open, true)
  assert.equal(
    chain.accept(command({ cla: 0x94, ins: 0xd8, p1: 1, p2: 2, data: bytes(255, 2) })).kind,
    'more',
  )
  const last = chain.accept(command({ cla: 0x84, ins: 0xd8, p1: 1, p2: 2, data: bytes(2, 3), le: 256 }))
  assert.deepEqual(last, {
    kind: 'complete',
    command: {
      cla: 0x84,
      ins: 0xd8,
      p1: 1,
      p2: 2,
      data: Uint8Array.of(...bytes(255, 1), ...bytes(255, 2), 3, 3),
      le: 256,
      extended: true,
    },
  })
  assert.equal(chain.open, false)
})

test('segments with P1.b8 are joined for the instructions that chain so, also together with b5', () => {
  const chain = new CommandChain({ chainedByP1: (ins) => ins === 0x2a })
  for (const cla of [0x80, 0x90]) {
    assert.equal(
      chain.accept(command({ cla, ins: 0x2a, p1: 0x83, p2: 0x10, data: bytes(4, 1) })).kind,
      'more',
    )
    const last = chain.accept(command({ cla: 0x80, ins: 0x2a, p1: 0x03, p2: 0x10, data: bytes(1, 2) }))
    assert.equal(last.kind, 'complete')
    if (last.kind !== 'complete') continue
    assert.deepEqual(
      last.command,
      command({ cla: 0x80, ins: 0x2a, p1: 3, p2: 0x10, data: Uint8Array.of(1, 1, 1, 1, 2) }),
    )
  }
  const storeData = command({ cla: 0x80, ins: 0xe2, p1: 0x91, data: bytes(4, 1) })
  assert.deepEqual(chain.accept(storeData), { kind: 'complete', command: storeData })
})

test('another header inside a chain is refused and drops the chain', () => {
  const first = { cla: 0x90, ins: 0xd8, p1: 1, p2: 2, data: bytes(4, 1) }
  for (const other of [{ cla: 0x84 }, { cla: 0x00 }, { ins: 0xe6 }, { p1: 3 }, { p2: 3 }]) {
    const chain = new CommandChain()
    chain.accept(command(first))
    assert.deepEqual(chain.accept(command({ ...first, cla: 0x80, ...other })), {
      kind: 'refused',
      refused: 'conditions-not-satisfied',
    })
    assert.equal(chain.open, false)
    const after = command({ ...first, cla: 0x80 })
    assert.deepEqual(chain.accept(after), { kind: 'complete', command: after })
  }
})

test('a chain longer than its limit is refused', () => {
  const chain = new CommandChain({ limit: 10 })
  chain.accept(command({ cla: 0x90, ins: 0x10, data: bytes(6, 1) }))
  assert.deepEqual(chain.accept(command({ cla: 0x90, ins: 0x10, data: bytes(5, 1) })), {
    kind: 'refused',
    refused: 'wrong-parameters',
  })
  assert.equal(chain.open, false)
})

test('the default limit holds 32 KiB and not a byte more', () => {
  const fill = (chain: CommandChain) => {
    for (let i = 0; i < 128; i++) chain.accept(command({ cla: 0x90, ins: 0x10, data: bytes(0xff, 1) }))
  }
  const fits = new CommandChain()
  fill(fits)
  assert.equal(fits.accept(command({ cla: 0x80, ins: 0x10, data: bytes(0x80, 1) })).kind, 'complete')
  const over = new CommandChain()
  fill(over)
  assert.equal(over.accept(command({ cla: 0x80, ins: 0x10, data: bytes(0x81, 1) })).kind, 'refused')
})
