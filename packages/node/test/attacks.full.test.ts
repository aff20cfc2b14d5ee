import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { parseCommand, parseResponse, serializeCommand } from '@sealwright/core/apdu'
import { concat, encodeHex, equal } from '@sealwright/core/bytes'
import { commands } from '@sealwright/core/catalog'
import { DecodeError } from '@sealwright/core/errors'
import { scriptedEntropy } from '@sealwright/core/testing'
import { Module } from '@sealwright/module'
import { CountingMedium, RamMedium, type Snapshot } from '@sealwright/module/medium'
import { refusalChanges } from '@sealwright/module/testing'
import { Life, stages } from './life/index.ts'
import { readPrograms } from './life/programs.ts'
import { repeatableCrypto } from './life/repeatable-crypto.ts'

// The dispatcher under attack, with what a whole life sent to its modules.

/** What one module heard and said from power-up on. */
interface Session {
  readonly stage: string
  readonly chip: string
  readonly snapshot: Snapshot
  readonly seed: string
  readonly exchanges: { readonly command: Uint8Array; readonly answer: Uint8Array }[]
}

const sessions: Session[] = []
let life: Life

before(async () => {
  life = Life.begin({ crypto: repeatableCrypto, programs: readPrograms() })
  let stageName = ''
  life.witness = {
    powering(chip, seed) {
      const snapshot = life.chips.get(chip)!.snapshot()
      sessions.push({ stage: stageName, chip, snapshot, seed, exchanges: [] })
    },
    // A step may speak to a module and its SAM in turn.
    exchanged(chip, command, answer) {
      sessions.findLast((session) => session.chip === chip)!.exchanges.push({ command, answer })
    },
  }
  for (const stage of stages) {
    stageName = stage.name
    life.seed(stage.name)
    await stage.run(life)
    life.powerDown()
  }
})

/** A module that counts its writes; a defect behind a 6F00 is thrown. */
class Victim {
  readonly medium: CountingMedium
  readonly module: Module
  /** The command that selected an application. */
  selected: Uint8Array | undefined
  readonly #ram: RamMedium

  constructor({ snapshot, seed }: Pick<Session, 'snapshot' | 'seed'>) {
    this.#ram = RamMedium.from(snapshot)
    this.medium = new CountingMedium(this.#ram)
    this.module = new Module({
      medium: this.medium,
      crypto: repeatableCrypto,
      entropy: scriptedEntropy(seed),
      report: (error) => {
        throw error
      },
    })
  }

  /** Sends what is no command of the recorded session; the answer must be one, and a refusal must change nothing. */
  attack(command: Uint8Array): number {
    const before = this.medium.programs
    const old = mayCount(command) ? this.#ram.clone() : undefined
    const { data, sw } = parseResponse(this.module.transmit(command))
    const shown = encodeHex(command.subarray(0, 24))
    assert.notEqual(sw, 0x6f00, shown)
    // 63XX is an application's own: it was carried out, and what it wrote stays.
    if (sw === 0x9000 || sw >> 8 === 0x61 || sw >> 8 === 0x63) return sw
    assert.equal(data.length, 0, `${shown} is refused with data`)
    if (old === undefined) assert.equal(this.medium.programs, before, `${shown} is refused and writes`)
    else if (this.medium.programs !== before) {
      const changes = refusalChanges(old, this.#ram.clone())
      assert.deepEqual(changes, [], `${shown} is refused and changes more than a counter`)
    }
    return sw
  }

  selectAgain(): void {
    assert.equal(parseResponse(this.module.transmit(this.selected!)).sw, 0x9000)
  }
}

/** Commands that count before they check: UNLOCK its tries, IMPORT KEY the failures of a held R. */
function mayCount(command: Uint8Array): boolean {
  return command[1] === commands.UNLOCK.ins || command[1] === commands['IMPORT KEY'].ins
}

/** The session's module before its n-th exchange. */
function victimAt(session: Session, n: number): Victim {
  const victim = new Victim(session)
  for (const { command, answer } of session.exchanges.slice(0, n)) {
    assert.ok(equal(victim.module.transmit(command), answer), `${session.stage} is not repeatable`)
  }
  return victim
}

/** Undefined for bytes that are no command APDU. */
function parsed(bytes: Uint8Array) {
  try {
    return parseCommand(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

test('[D3h][A10d] every prefix of every command of a life, and one byte more, is refused and changes nothing', () => {
  let attacks = 0
  for (const session of sessions) {
    let victim = new Victim(session)
    for (const [n, { command, answer }] of session.exchanges.entries()) {
      const genuine = parseCommand(command)
      const longer = [0x00, 0x01, 0xff].map((byte) => concat(command, Uint8Array.of(byte)))
      for (const attack of [...Array.from(command, (_, i) => command.subarray(0, i)), ...longer]) {
        const meant = parsed(attack)
        if (meant === undefined) {
          assert.equal(victim.attack(attack), 0x6700)
          attacks++
        } else if (!equal(meant.data, genuine.data)) {
          const sw = victimAt(session, n).attack(attack)
          // Of a command with data nothing is left but its header: it may be one that takes none.
          assert.ok(sw !== 0x9000 || meant.data.length === 0, encodeHex(attack))
          attacks++
        }
      }
      // A chain that had begun was dropped by what did not parse.
      if (n > 0 && isChained(session.exchanges[n - 1]!.command)) victim = victimAt(session, n)
      assert.ok(equal(victim.module.transmit(command), answer), `${session.stage}, command ${n}`)
    }
  }
  assert.ok(attacks > 5000)
})

function isChained(command: Uint8Array): boolean {
  return (command[0]! & 0x10) !== 0
}

test('every class and instruction in each product, mode and state: one status word, and a refusal writes nothing', () => {
  const begun = (name: string) => sessions.findIndex(({ stage }) => stage === name)
  const states: readonly Victim[] = [
    // Customization mode; awaiting personalization; operating, in three products; the loader.
    ...['customize cash', 'personalize phone', 'session', 'use-key', 'export-key', 'reserve'].map(
      (name) => new Victim(sessions[begun(name)]!),
    ),
    victimWithApplication(),
  ]
  const random = scriptedEntropy('shapes')
  for (const [n, victim] of states.entries()) {
    for (let cla = 0; cla < 0x100; cla++) {
      // The class is looked at before the product is: all of them twice, those that mean something everywhere.
      if (n > 1 && (cla & 0x63) !== 0) continue
      for (let ins = 0; ins < 0x100; ins++) {
        const [p1 = 0, p2 = 0, length = 0] = random.bytes(3)
        const data = random.bytes(length & 0x1f)
        const body = data.length === 0 ? data : concat(Uint8Array.of(data.length), data)
        const zeros = (length & 0x80) === 0
        victim.attack(concat(Uint8Array.of(cla, ins, zeros ? 0 : p1, zeros ? 0 : p2), body))
        // SELECT without data would leave the application for the rest of the round.
        if (victim.selected && cla === 0 && ins === commands.SELECT.ins) victim.selectAgain()
      }
    }
  }
})

/** An application is selected, as its supplier has done it; its channel is not set up. */
function victimWithApplication(): Victim {
  const session = sessions.find(({ stage }) => stage === 'run')!
  const n = session.exchanges.findIndex(({ command }) => isSelection(command))
  const victim = victimAt(session, n + 1)
  victim.selected = session.exchanges[n]!.command
  return victim
}

function isSelection(command: Uint8Array): boolean {
  return command[1] === commands.SELECT.ins && (command[4] ?? 0) > 0
}

test('a wrong MAC ends the channel: its keys are gone, and the genuine command that follows is refused', () => {
  let channels = 0
  for (const session of sessions) {
    const n = session.exchanges.findIndex(({ command }) => (command[0]! & 0x0c) === 0x04 && isOpen(command))
    if (n < 0) continue
    const { command } = session.exchanges[n]!
    const { cla, ins, p1, p2, data } = parseCommand(command)
    for (const at of [0, data.length - 8, data.length - 1]) {
      const victim = victimAt(session, n)
      const open = victim.module.parts.channels.current!
      const wrong = data.with(at, data[at]! ^ 0x01)
      assert.equal(victim.attack(serializeCommand({ ...parseCommand(command), data: wrong })), 0x6982)
      assert.equal(victim.module.parts.channels.current, undefined)
      assert.equal(open.session.closed, true)
      assert.throws(() => open.session.unwrap({ cla, ins, p1, p2, data, extended: false }))
      assert.notEqual(victim.attack(command), 0x9000)
    }
    channels++
  }
  assert.ok(channels >= 8)
})

/** Not the last step of SCP03's set-up, which carries a MAC as well. */
function isOpen(command: Uint8Array): boolean {
  return command[1] !== commands['EXTERNAL AUTHENTICATE'].ins && !isChained(command)
}

test('ten thousand commands that chance made from genuine ones: one status word each, no defect', () => {
  const random = scriptedEntropy('mutations')
  const number = (below: number): number => {
    const [a = 0, b = 0, c = 0] = random.bytes(3)
    return ((a << 16) | (b << 8) | c) % below
  }
  const all = sessions.flatMap(({ exchanges }) => exchanges.map(({ command }) => command))
  const mutations: readonly ((command: Uint8Array) => Uint8Array)[] = [
    (command) => command.with(number(command.length), number(256)),
    (command) => command.with(number(command.length), command[0]! ^ (1 << number(8))),
    (command) => command.with(number(Math.min(5, command.length)), number(256)),
    (command) => command.subarray(0, number(command.length)),
    (command) => concat(command, random.bytes(1 + number(40))),
    (command) => concat(command.subarray(0, 4), all[number(all.length)]!.subarray(4)),
    (command) => withLength(command, random.bytes(number(256))),
    () => random.bytes(number(300)),
    () => all[number(all.length)]!,
  ]
  let sent = 0
  for (let round = 0; round < 200; round++) {
    const session = sessions[number(sessions.length)]!
    const victim = victimAt(session, number(session.exchanges.length))
    for (let i = 0; i < 50; i++) {
      const genuine = session.exchanges[number(session.exchanges.length)]!.command
      victim.attack(mutations[number(mutations.length)]!(genuine))
      sent++
    }
  }
  assert.equal(sent, 10_000)
})

/** Genuine header, other data of any length. */
function withLength(command: Uint8Array, data: Uint8Array): Uint8Array {
  const header = command.subarray(0, 4)
  return data.length === 0 ? header : concat(header, Uint8Array.of(data.length), data, Uint8Array.of(0))
}
