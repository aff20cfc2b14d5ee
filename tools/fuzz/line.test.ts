import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '@sealwright/core/bytes'
import { Module } from '@sealwright/module'
import { customizedModule } from '@sealwright/module/testing'
import { recordedChips } from './chips.ts'
import { recordLife } from './life-recording.ts'
import { type Chip, Line, type Machine } from './line.ts'
import { insecureStampingCrypto as crypto } from './stamping-crypto.ts'
import { type CommandStep, readStep, type Step, writeStep } from './step.ts'

const { medium } = customizedModule({ crypto, operating: true, eepromSize: 64 * 1024 })
const snapshot = medium.snapshot()

/** A real module whose answers somebody changes. */
function chip(
  change: (answer: Uint8Array, command: Uint8Array, machine: Machine) => Uint8Array = (a) => a,
): Chip {
  return {
    ...{ name: 'changed', snapshot, seed: 'changed' },
    power(from, entropy, report) {
      const module = new Module({ medium: from, crypto, entropy, report })
      const transmit = module.transmit.bind(module)
      module.transmit = (command) => change(transmit(command), command, module)
      return module
    },
  }
}

const status: CommandStep = readStep({ command: '80300000', le: 256 }) as CommandStep
const unknown: CommandStep = readStep({ command: '80FE0000' }) as CommandStep
const word = (sw: number) => Uint8Array.of(sw >> 8, sw & 0xff)

function kind(broken: Chip, steps: readonly Step[]): string | undefined {
  return new Line(broken).run(steps)?.kind
}

test('[R3b] a module that holds the laws: every channel opens, and a command in it is answered', () => {
  for (const channel of ['document', 'personalization', 'central'] as const) {
    const seen: number[] = []
    const line = new Line(
      chip((answer, command) => {
        seen.push(command[0]!)
        return answer
      }),
    )
    assert.equal(
      line.run([
        { kind: 'open', channel },
        { ...status, secured: true },
      ]),
      undefined,
    )
    assert.equal(seen.at(-1), 0x84, channel)
  }
})

test('[R3b] each law of a single command is noticed when it is broken', () => {
  const good = [status, unknown]
  assert.equal(kind(chip(), good), undefined)
  assert.equal(
    kind(
      chip(() => word(0x6f00)),
      good,
    ),
    'internal error',
  )
  assert.equal(
    kind(
      chip(() => word(0x6f01)),
      good,
    ),
    'unknown status word',
  )
  assert.equal(
    kind(
      chip(() => new Uint8Array(1)),
      good,
    ),
    'no status word',
  )
  assert.equal(
    kind(
      chip(() => concat(Uint8Array.of(1), word(0x6d00))),
      good,
    ),
    'refused with data',
  )
  const throwing = chip(() => {
    throw new TypeError('broken')
  })
  assert.equal(kind(throwing, good), 'throws')
})

test('[R3b] a refused command that wrote is noticed, whatever it wrote; one that was carried out may write', () => {
  // The control page, the directory, the zone of the resources.
  for (const address of [0, 300, 40_000]) {
    const writing = chip((answer, _, machine) => {
      const [old = 0] = machine.parts.nvm.read(address, 1)
      machine.parts.nvm.transaction((tx) => tx.write(address, Uint8Array.of(old ^ 0x55)))
      return answer
    })
    assert.equal(kind(writing, [unknown]), 'refused and changed', String(address))
  }
  const writing = chip((answer, _, machine) => {
    machine.parts.nvm.transaction((tx) => tx.write(40_000, Uint8Array.of(1)))
    return answer
  })
  assert.equal(kind(writing, [status]), undefined)
})

test('[R3b] what Order of effects lets a refusal change is let pass', () => {
  const counting = chip((answer, _, machine) => {
    const { nvm, objects } = machine.parts
    nvm.transaction((tx) => objects.put(tx, 'tries', 7, Uint8Array.of(1, 2, 3)))
    return answer
  })
  assert.equal(kind(counting, [unknown]), undefined)
})

test('[R3b] a chip that does not start again is noticed', () => {
  const spoiling = chip((answer, _, machine) => {
    machine.parts.nvm.transaction((tx) => tx.write(0, new Uint8Array(4)))
    return answer
  })
  assert.equal(kind(spoiling, [status]), 'does not start')
})

test('[R3b] an answer in a channel that the host cannot unwrap is noticed', () => {
  const steps: Step[] = [
    { kind: 'open', channel: 'document' },
    { ...status, secured: true },
  ]
  assert.equal(kind(chip(), steps), undefined)
  const bent = chip((answer, command) =>
    command[1] === status.ins ? answer.with(0, answer[0]! ^ 1) : answer,
  )
  assert.equal(kind(bent, steps), 'answer that does not unwrap')
})

test('[R3b] a tampered command does not pass, chained or not', () => {
  for (const form of ['short', 'extended', 'class chain'] as const) {
    const answers: number[] = []
    const line = new Line(
      chip((answer) => {
        answers.push((answer.at(-2)! << 8) | answer.at(-1)!)
        return answer
      }),
    )
    const secured = { ...status, secured: true, form, tamper: { at: 9, xor: 4 } } as const
    assert.equal(line.run([{ kind: 'open', channel: 'document' }, secured]), undefined)
    assert.equal(answers.at(-1), 0x6982, form)
  }
})

test('steps come back from JSON as they were', () => {
  const steps: Step[] = [
    status,
    {
      ...status,
      data: Uint8Array.of(1, 2),
      form: 'P1 chain',
      secured: true,
      sealed: true,
      tamper: { at: 3, xor: 8 },
    },
    { kind: 'wire', bytes: Uint8Array.of(0, 1, 2) },
    { kind: 'open', channel: 'supplier', resource: 7 },
    { kind: 'open', channel: 'document' },
    { kind: 'reset' },
    { kind: 'power' },
  ]
  const back = steps.map((step) => readStep(JSON.parse(JSON.stringify(writeStep(step)))))
  assert.deepEqual(back, steps)
})

test('[R3b] IMPORT KEY is sealed for the module as it is: what it says decides, not its certificate', async () => {
  const { recorded } = await recordLife()
  const [terminal] = recordedChips(recorded.filter(({ name }) => name === 'import-key, terminal'))
  const answers: number[] = []
  const listening: Chip = {
    ...terminal!,
    power(...given) {
      const machine = terminal!.power(...given)
      const transmit = machine.transmit.bind(machine)
      machine.transmit = (command) => {
        const answer = transmit(command)
        if (command[1] === 0x58) answers.push((answer.at(-2)! << 8) | answer.at(-1)!)
        return answer
      }
      return machine
    },
  }
  const key = '8F1B63D20C7A95E4413876CD5AF09E27'
  const says = (attributes: string, sealed: boolean): Step =>
    readStep({ command: '80580100', data: `A10100000009${attributes}${key}`, le: 256, sealed })
  const [good, otherUsage] = ['4D36414330314E10', '4B30414230314E10']
  assert.equal(new Line(listening).run([says(good, false), says(otherUsage, true)]), undefined)
  assert.equal(new Line(listening).run([says(good, true)]), undefined)
  assert.deepEqual(answers, [0x6a80, 0x6a80, 0x9000])
})
