import { encodeHex } from '@sealwright/core/bytes'
import { workingPorts } from '@sealwright/node/workspace'
import { certifyLot } from '@sealwright/roles/manufacturer'
import type { Command } from 'commander'
import { type Context, failing, fields, report } from '../framework/index.ts'

/** `manufacturer certify-lot`: the identity keys of many modules at once. */
export function register(manufacturer: Command, context: Context): void {
  context.verb(manufacturer, {
    name: 'certify-lot <requests>',
    summary: 'certify the identity keys of a lot',
    about:
      'Does for every request of a lot what certify-module does for one: checks that whoever made it has the key, and signs the identity certificate, one for each serial number. A request that is refused does not stop the others. The same requests again give the same certificates.',
    reads: ['REQUESTS: from the issuer'],
    writes: ['--out FILE: the identity certificates, for the issuer'],
    examples: ['manufacturer certify-lot exchange/spring.requests --out certs/spring.certificates'],
    options: [{ flags: '--out <file>', text: 'the certificates', required: true }],
    async run(step) {
      const own = step.party('manufacturer')
      const requests = step.readFile(step.argument(0))
      // Keys in files are read once; those in other places stay where they are.
      const kept =
        own.vault.place === 'file'
          ? workingPorts(step.workspace(), 'manufacturer', { progress: own.progress })
          : undefined
      const done = await certifyLot(kept ?? own, { requests }).finally(() => kept?.vault.forget())
      step.replaceFile(step.option('out'), done.file)
      const refused = done.refused.map(({ serial, reason }) => ({ serial: encodeHex(serial), reason }))
      const found = report(
        { certified: done.certified, refused },
        ...fields({
          certified: done.certified,
          refused: refused.length === 0 ? undefined : refused.length,
          file: step.option('out'),
        }),
        ...refused.map(({ serial, reason }) => `${serial} refused: ${reason}`),
      )
      return refused.length === 0 ? found : failing('lot-incomplete', found)
    },
  })
}
