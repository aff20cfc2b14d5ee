import { parseCommand } from '@sealwright/core/apdu'
import { commands } from '@sealwright/core/catalog'
import type { Module } from '@sealwright/module'
import type { Snapshot } from '@sealwright/module/medium'
import type { CommandStep, OwnChannel, Step } from './step.ts'

/** What one module heard from power-up on, as steps, and the memory that it began with. */
export interface Recorded {
  readonly name: string
  readonly snapshot: Snapshot
  readonly seed: string
  readonly steps: readonly Step[]
}

type OpenChannel = NonNullable<Module['parts']['channels']['current']>

/** Writes down what the module hears. A channel's set-up becomes one step, a chain one command. */
export function listen(module: Module, steps: Step[], keep: (bytes: Uint8Array) => void): void {
  const transmit = module.transmit.bind(module)
  const { channels } = module.parts
  const heard = new WeakSet<OpenChannel>()
  let unwrapped: CommandStep | undefined
  let segments: Uint8Array[] = []
  module.transmit = (bytes) => {
    const before = channels.current
    if (before !== undefined && !heard.has(before)) {
      heard.add(before)
      const { session } = before
      const unwrap = session.unwrap.bind(session)
      session.unwrap = (given) => {
        const step = unwrap(given)
        if (step.command !== undefined) unwrapped = stepOf(step.command, true)
        return step
      }
    }
    const sent = parseCommand(bytes)
    const answer = transmit(bytes)
    keep(sent.data)
    keep(answer.subarray(0, -2))
    const after = channels.current
    if ((sent.cla & 0x10) !== 0) {
      segments.push(sent.data)
    } else if (unwrapped !== undefined) {
      keep(unwrapped.data)
      steps.push(unwrapped)
      segments = []
    } else if (after !== undefined && after !== before) {
      const first = steps.at(-1)
      const begun = first?.kind === 'command' && first.ins === commands['INITIALIZE UPDATE'].ins
      if (begun) steps.pop()
      steps.push(openingOf(after, begun && first.data.length === 16))
    } else if (sent.ins !== 0xc0) {
      const data = new Uint8Array(Buffer.concat([...segments, sent.data]))
      steps.push(stepOf({ ...sent, data }, false))
      keep(data)
      segments = []
    }
    unwrapped = undefined
    return answer
  }
}

function stepOf(sent: ReturnType<typeof parseCommand>, secured: boolean): CommandStep {
  const { cla, ins, p1, p2, data, le } = sent
  const form = data.length > 255 ? 'class chain' : 'short'
  return {
    kind: 'command',
    ...{ cla: secured ? cla & ~0x04 : cla, ins, p1, p2 },
    data: data.slice(),
    ...(le === undefined ? {} : { le: Math.min(le, 256) }),
    ...{ form, secured },
  }
}

function openingOf({ kind, resource, securityDomain, session }: OpenChannel, s16: boolean): Step {
  if (securityDomain === undefined) {
    const channel = kind as OwnChannel['channel']
    return { kind: 'open', channel, ...(resource === undefined ? {} : { resource }) }
  }
  const { protocol, place } = securityDomain
  const version = (place >>> 8) & 0xff
  const { level } = session
  return { kind: 'open', channel: 'security-domain', protocol, version, level, ...(s16 ? { s16 } : {}) }
}
