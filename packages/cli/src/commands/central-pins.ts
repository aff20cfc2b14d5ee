import { encodeHex } from '@sealwright/core/bytes'
import { resetPin } from '@sealwright/roles/central'
import type { Command } from 'commander'
import { type Context, fields, report, requiredFingerprint } from '../framework/index.ts'
import { fingerprintOptions } from './certified-party.ts'

export function registerPinReset(central: Command, context: Context): void {
  context.verb(central, {
    name: 'reset-pin <request>',
    summary: 'let a person of a unit try a PIN again, or be forgotten there',
    about:
      "Where two PINs guard a unit's key, five wrong ones lock a person. Signs that the person has all tries again, or is forgotten there, so that another one can take the place. Look at the person, and compare the fingerprint of the unit's key. It counts once, at that unit.",
    reads: ['REQUEST: from `sealwright unit pins ask-reset`'],
    writes: ['--out FILE: the reset, for the unit'],
    examples: [
      'central reset-pin exchange/bob.pin-request --fingerprint-file exchange/unit.fingerprint --out exchange/bob.pin-reset',
    ],
    options: [{ flags: '--out <file>', text: 'the reset', required: true }, ...fingerprintOptions],
    async run(step) {
      const { reset, document } = await resetPin(step.party('central'), {
        request: step.readFile(step.argument(0)),
        fingerprint: requiredFingerprint(step, 'fingerprint'),
      })
      step.replaceFile(step.option('out'), document)
      const { id, change, actor } = reset
      return report(
        { person: id, change, actor },
        ...fields({ person: id, change, 'acting key': encodeHex(actor) }),
      )
    },
  })
}
