import { decodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { parseCheckpoint, serializePassport } from '@sealwright/core/log'
import { parseCertificate } from '@sealwright/core/x509'
import { plain } from '@sealwright/roles/channel'
import { readSignedHead } from '@sealwright/roles/custody'
import { makePassport } from '@sealwright/roles/log'
import type { Command } from 'commander'
import { type Context, fields, report, requireSerial } from '../framework/index.ts'

export function register(program: Command, context: Context): void {
  context.verb(program, {
    name: 'passport <serial>',
    summary: "export a module's record out of the log",
    about:
      "Writes one file that a stranger can check without us: every entry of the module with the proof that it stands in the log, a checkpoint of now, and, when the module is at hand (--module or --reader), the module's own signed statement of its last event, so that a cut tail shows. The stranger brings the log's key and the manufacturer's root from elsewhere.",
    reads: ['WORKSPACE/log/store/'],
    writes: ['FILE: the passport'],
    examples: ['passport 0102030405060708 --module cash.chip --out cash.passport'],
    module: 'optional',
    options: [
      { flags: '--out <file>', text: 'the passport', required: true },
      {
        flags: '--nonce <hex>',
        text: "the stranger's own 16 bytes, so that the module's statement is fresh",
      },
    ],
    async run(step) {
      const serial = requireSerial(step.argument(0))
      const ports = step.party('log')
      const nonce = nonceFrom(step.optional('nonce')) ?? ports.entropy.bytes(16)
      const module = step.moduleName === undefined ? undefined : await step.module()
      const head = module && (await readSignedHead(plain(module), nonce))
      const passport = await makePassport(ports, { serial, ...(head === undefined ? {} : { head }) })
      const file = step.option('out')
      step.replaceFile(file, serializePassport(passport))
      const test = head?.chain.some((certificate) => parseCertificate(certificate).test) ?? false
      const size = passport.checkpoint === undefined ? 0 : parseCheckpoint(passport.checkpoint).size
      const told = {
        file,
        entries: passport.entries.length,
        checkpoint: `of ${size} leaves`,
        head:
          head === undefined ? 'the module was not asked' : `event ${head.head.number}, ${head.head.key} key`,
        ...(test ? { 'test module': 'yes' } : {}),
      }
      return report({ serial, ...told, test }, ...fields(told))
    },
  })
}

function nonceFrom(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  if (!/^[0-9a-fA-F]{32}$/.test(text)) throw new UsageError('--nonce: expected 32 hex digits')
  return decodeHex(text)
}
