import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import type { KeyLimits } from '@sealwright/core/limited-keys'
import { giveLimitedKey, session, tellTime } from '@sealwright/roles/central'
import { limitedKeyPlace } from '@sealwright/roles/issuer'
import type { Command } from 'commander'
import { type Context, fields, report, requireSerial, type Step } from '../framework/index.ts'
import { sessionInput, unitOptions } from './central-unit.ts'

export function registerLimitedKeys(central: Command, context: Context): void {
  context.verb(central, {
    name: 'limited-key',
    summary: 'give a module a symmetric key that ends by itself',
    about:
      'For procedures that know symmetric keys only. In a session with the module that you name it gets a new AES key, which serves until a date, for so many uses, or both; then the module refuses it and erases it. The module has no clock: it goes by the time that you tell it, so a key with a date alone also says how often it may serve without a newer time. The key stays in your vault for the messages under it.',
    reads: ["--unit FILE: the certificate of the unit that you trust for this module's personalization"],
    writes: ['your vault: the key', 'your outbox: the entry for the log'],
    examples: [
      'central limited-key --module chips/cash.chip --serial 0102030405060708 --unit certs/unit.pem --hours 24 --uses-unheard 100',
    ],
    module: 'required',
    options: [
      { flags: '--serial <hex>', text: 'the module that gets it, 16 hex digits', required: true },
      ...unitOptions,
      { flags: '--hours <number>', text: 'how many hours it serves from now on' },
      { flags: '--uses <number>', text: 'how often it serves' },
      { flags: '--uses-unheard <number>', text: 'how often it serves without a newer time from you' },
      { flags: '--place <number>', text: "where it goes (default: the cash machine's place, 0x00200301)" },
    ],
    async run(step) {
      const ports = step.party('central')
      const limits = limitsOf(step, ports.clock.now())
      const given = await giveLimitedKey(ports, await step.module(), {
        ...sessionInput(step),
        serial: requireSerial(step.option('serial')),
        place: step.number('place') ?? limitedKeyPlace,
        limits,
      })
      const { serial, place, checkValue, already } = given
      return report(
        { serial, place, checkValue, already, ...limits },
        ...fields({
          module: encodeHex(serial),
          place: place.toString(16).toUpperCase().padStart(8, '0'),
          'check value': encodeHex(checkValue),
          'serves until': limits.notAfter && new Date(limits.notAfter * 1000).toISOString(),
          uses: limits.uses,
          'uses without newer time': limits.usesUnheard,
        }),
        ...(already ? ['An earlier run had given it already.'] : []),
      )
    },
  })

  context.verb(central, {
    name: 'tell-time',
    summary: 'tell a module the time, by which its limited keys end',
    about:
      'In a session: the module keeps the latest time that it heard from you, never an earlier one, and erases the limited keys whose last second is over. A key that had used up what it may do without a newer time serves again.',
    reads: ["--unit FILE: the certificate of the unit that you trust for this module's personalization"],
    examples: ['central tell-time --module chips/cash.chip --unit certs/unit.pem'],
    module: 'required',
    options: unitOptions,
    async run(step) {
      const ports = step.party('central')
      const { serial, time } = await session(
        ports,
        await step.module(),
        sessionInput(step),
        async (open) => ({ serial: open.serial, time: await tellTime(ports, open) }),
      )
      return report(
        { serial, time },
        ...fields({ module: encodeHex(serial), told: new Date(time * 1000).toISOString() }),
      )
    },
  })
}

function limitsOf(step: Step, now: number): KeyLimits {
  const [hours, uses, usesUnheard] = [step.number('hours'), step.number('uses'), step.number('uses-unheard')]
  if (hours === undefined && uses === undefined) {
    throw new UsageError('--hours, --uses or both: a limited key ends somewhere')
  }
  if (uses === undefined && usesUnheard === undefined) {
    throw new UsageError('--uses-unheard: a module that hears no time any more would never see the end')
  }
  if ([uses, usesUnheard].includes(0)) throw new UsageError('expected at least one use')
  return {
    ...(hours === undefined ? {} : { notAfter: now + hours * 3600 }),
    ...(uses === undefined ? {} : { uses }),
    ...(usesUnheard === undefined ? {} : { usesUnheard }),
  }
}
