import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainChips } from './chips.ts'
import { type Chip, Line } from './line.ts'
import { managementSeeds } from './management-seeds.ts'
import type { Step } from './step.ts'

/** What the chip answered, as `INS SW`. */
function answers(chip: Chip, steps: readonly Step[]): string[] {
  const seen: string[] = []
  const listening: Chip = {
    ...chip,
    power(...given) {
      const machine = chip.power(...given)
      const transmit = machine.transmit.bind(machine)
      machine.transmit = (command) => {
        const answer = transmit(command)
        seen.push(Buffer.from([command[1]!, ...answer.subarray(-2)]).toString('hex'))
        return answer
      }
      return machine
    },
  }
  assert.equal(new Line(listening).run(steps), undefined)
  return seen
}

test('[R3b] the seeds lead behind every channel of a security domain and every command that manages content', () => {
  const done = new Set<string>()
  const opened = new Set<string>()
  for (const chip of plainChips()) {
    for (const steps of managementSeeds()) {
      const seen = answers(chip, steps)
      for (const one of seen) if (one.endsWith('9000')) done.add(one.slice(0, 2))
      for (const step of steps) {
        if (step.kind === 'open' && step.channel === 'security-domain') {
          const last = { scp03: '829000', scp11a: '829000', scp11b: '889000', scp11c: '829000' }[
            step.protocol
          ]
          if (seen.includes(last)) opened.add(step.protocol)
        }
      }
    }
  }
  assert.deepEqual([...opened].sort(), ['scp03', 'scp11a', 'scp11b', 'scp11c'])
  // PERFORM SECURITY OPERATION, PUT KEY, GENERATE KEY, STORE DATA, GET STATUS, SET STATUS, INSTALL, LOAD, DELETE.
  for (const ins of ['2a', 'd8', 'f1', 'e2', 'f2', 'f0', 'e6', 'e8', 'e4']) assert.ok(done.has(ins), ins)
})
