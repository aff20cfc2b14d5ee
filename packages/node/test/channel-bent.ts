import assert from 'node:assert/strict'
import { type Command, exchange, type Response } from '@sealwright/core/apdu'
import { commands } from '@sealwright/core/catalog'
import { AuthError, DecodeError, PeerError, RefusedError } from '@sealwright/core/errors'
import { serializeBeginRequest } from '@sealwright/core/personalization'
import { type Channel, endChannel } from '@sealwright/roles/channel'
import { type Bend, messageLine } from './channel-line.ts'
import { channelWorld, type SecuredForm, unitOf, within } from './channel-world.ts'
import { beginRequest, transportOf, type World } from './personalization-world.ts'

/** One message of a set-up, in one direction, as one bend changes it. */
export interface Bent {
  readonly what: string
  readonly bend: Bend
}

export interface SetUp {
  readonly world: World
  readonly form: SecuredForm
  /** Its messages, as they pass when nobody touches them. */
  readonly messages: readonly { readonly command: Command; readonly answer: Response }[]
}

export async function setUpOf(form: SecuredForm): Promise<SetUp> {
  const world = await channelWorld()
  const line = messageLine(transportOf(world))
  await within(form, unitOf(world), line.transport, world.fixture.identity, async () => {})
  const messages = line.passed.filter(({ n }) => n >= 0)
  assert.ok(messages.length > 0)
  return { world, form, messages }
}

/** Every byte of class, instruction, parameters and data, or of data and status word, with this bit changed; each `step`-th of them. */
export function* flips({ messages }: SetUp, bit: number, step: number, from = 0): Generator<Bent> {
  let count = from
  const mine = () => count++ % step === 0
  for (const [n, { command, answer }] of messages.entries()) {
    for (const field of ['cla', 'ins', 'p1', 'p2'] as const) {
      if (!mine()) continue
      const bend: Bend = {
        command: (sent, at) => (at === n ? { ...sent, [field]: sent[field] ^ bit } : undefined),
      }
      yield { what: `${field} of message ${n}`, bend }
    }
    for (let i = 0; i < command.data.length; i++) {
      if (!mine()) continue
      const bend: Bend = {
        command: (sent, at) => (at === n ? { ...sent, data: flipped(sent.data, i, bit) } : undefined),
      }
      yield { what: `byte ${i} of message ${n}`, bend }
    }
    for (let i = 0; i < answer.data.length + 2; i++) {
      if (!mine()) continue
      const inData = i < answer.data.length
      const bend: Bend = {
        answer: (heard, _, at) =>
          at !== n
            ? undefined
            : inData
              ? { ...heard, data: flipped(heard.data, i, bit) }
              : { ...heard, sw: heard.sw ^ (i === answer.data.length ? bit << 8 : bit) },
      }
      yield { what: `byte ${i} of answer ${n}`, bend }
    }
  }
}

/** Every message cut to every `step`-th shorter length, and with one byte more. */
export function* cuts({ messages }: SetUp, step: number): Generator<Bent> {
  for (const [n, { command, answer }] of messages.entries()) {
    for (let length = 0; length < command.data.length; length += step) {
      const bend: Bend = {
        command: (sent, at) => (at === n ? { ...sent, data: sent.data.slice(0, length) } : undefined),
      }
      yield { what: `${length} bytes of message ${n}`, bend }
    }
    for (let length = 0; length < answer.data.length; length += step) {
      const bend: Bend = {
        answer: (heard, _, at) => (at === n ? { ...heard, data: heard.data.slice(0, length) } : undefined),
      }
      yield { what: `${length} bytes of answer ${n}`, bend }
    }
    const longer = (data: Uint8Array) => Uint8Array.of(...data, 0)
    yield {
      what: `message ${n} with a byte more`,
      bend: { command: (sent, at) => (at === n ? { ...sent, data: longer(sent.data) } : undefined) },
    }
    yield {
      what: `answer ${n} with a byte more`,
      bend: { answer: (heard, _, at) => (at === n ? { ...heard, data: longer(heard.data) } : undefined) },
    }
  }
}

/** The set-up once more with one message bent: no BEGIN is taken, whatever happens, and the module's memory is what it was. */
export async function mustFail({ world, form }: SetUp, { what, bend }: Bent): Promise<void> {
  const { fixture } = world
  const revision = fixture.medium.revision
  await endChannel(transportOf(world))
  let touched = false
  const noted = <T>(changed: T | undefined): T | undefined => {
    touched ||= changed !== undefined
    return changed
  }
  const line = messageLine(transportOf(world), {
    command: (sent, n) => noted(bend.command?.(sent, n)),
    answer: (heard, to, n) => noted(bend.answer?.(heard, to, n)),
  })
  const run = within(form, unitOf(world), line.transport, fixture.identity, begin)
  await assert.rejects(
    run,
    (error) => {
      const expected = [AuthError, RefusedError, PeerError, DecodeError]
      assert.ok(
        expected.some((one) => error instanceof one),
        `${form}, ${what}: ${String(error)}`,
      )
      return true
    },
    `${form}: ${what} was taken`,
  )
  assert.ok(touched, `${form}: ${what} never came to pass`)
  const taken = line.passed.filter(
    ({ command, answer }) => command.ins === commands.BEGIN.ins && answer.sw === 0x9000,
  )
  assert.deepEqual(taken, [], `${form}: ${what}`)
  assert.equal(fixture.medium.revision, revision, `${form}: ${what} changed the memory`)
}

function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const bent = bytes.slice()
  bent[at]! ^= bit
  return bent
}

/** Messages of a set-up and a BEGIN, as they passed. */
export async function recorded(world: World, form: SecuredForm) {
  const line = messageLine(transportOf(world))
  await within(form, unitOf(world), line.transport, world.fixture.identity, begin)
  const begun = line.passed.find(({ command }) => command.ins === commands.BEGIN.ins)!
  return { setUp: line.passed.filter(({ n }) => n >= 0), begun }
}

/** BEGIN in a channel. */
export function begin(channel: Channel): Promise<Uint8Array> {
  return channel.send('BEGIN', { data: serializeBeginRequest(beginRequest) })
}

/** One whole command, as it is. */
export function say(world: World, sent: Command): Promise<Response> {
  return exchange(transportOf(world), sent)
}
