import { encodeHex, wipe } from '@sealwright/core/bytes'
import { type ImageForm, imageForms, parseModulePapers } from '@sealwright/core/customization'
import { UsageError } from '@sealwright/core/errors'
import { type PolicyName, policyBits } from '@sealwright/core/personalization'
import { maskLayout } from '@sealwright/node/chips'
import {
  certifiedPoints,
  customize,
  finish,
  mask,
  type ProductName,
  products,
  unlock,
} from '@sealwright/roles/issuer'
import type { Command } from 'commander'
import { type Context, certificateOf, fields, report, type Step } from '../framework/index.ts'
import { productPrograms, shippedProgram } from '../shipped-programs.ts'
import { leastChannelOf, leastChannelOptions } from './channel-options.ts'
import { register as registerLot } from './issuer-lot.ts'
import { registerLaterCustomization, samOption } from './later-customization.ts'

const maskOption = {
  flags: '--mask <name>',
  text: 'the mask that the chip was made from, or the lot, by the name you gave it',
  required: true,
}

export function register(program: Command, context: Context): void {
  const issuer = context.group(
    program,
    'issuer',
    'own the software: masks, unlock, customize, finish',
    'The issuer is the client who owns the software of a module. The order of a chip: mask, (manufacturer produce, mounter mount), unlock, customize, (manufacturer certify-module), finish.',
  )

  context.verb(issuer, {
    name: 'mask <name>',
    summary: 'make the mask that the chip manufacturer works from',
    about:
      'Makes a mask file: the first part of the software, for ROM, and the customization software, signed with your key and encrypted under a new unlocking key, for EEPROM. The unlocking key and the hash stay in your vault; the file holds neither. Without --program and --customization the software that comes with Sealwright is masked. With --test the chips are test modules for ever: they take published test keys, only test roots certify them, and their certificates show it.',
    reads: ['the WebAssembly files named'],
    writes: [
      '--out FILE: the mask file for the manufacturer',
      'your vault: client key, unlocking key and hash',
    ],
    examples: ['issuer mask fleet --out exchange/fleet.mask'],
    options: [
      { flags: '--out <file>', text: 'the mask file', required: true },
      { flags: '--program <wasm>', text: 'what is masked in ROM' },
      { flags: '--customization <wasm>', text: 'the customization software' },
      {
        flags: '--form <form>',
        text: 'where the chip keeps the customization software: eeprom (default) or ram, which forgets it without power',
        choices: Object.keys(imageForms),
      },
      {
        flags: '--eeprom <bytes>',
        text: 'EEPROM of the chips: 32768 to 4194304, a power of two (default 262144)',
      },
      { flags: '--test', text: 'a mask of test modules' },
    ],
    async run(step) {
      const form = step.optional('form') as ImageForm | undefined
      const eepromSize = step.number('eeprom')
      const test = step.flag('test')
      const made = await mask(step.party('issuer'), {
        name: step.argument(0),
        test,
        layout: maskLayout,
        program: given(step, 'program') ?? shippedProgram('rom'),
        customization: given(step, 'customization') ?? shippedProgram('customization'),
        ...(form === undefined ? {} : { form }),
        ...(eepromSize === undefined ? {} : { eepromSize }),
      })
      step.writeFile(step.option('out'), made.file)
      const found = {
        mask: step.argument(0),
        romDigest: made.romDigest,
        test,
        bytes: made.file.length,
        made: made.made,
      }
      return report(
        found,
        ...fields({
          mask: `${found.mask}${made.made ? '' : ' (made before)'}`,
          file: `${step.option('out')}, ${made.file.length} bytes`,
          'SHA-256 of ROM': encodeHex(made.romDigest),
          chips: test ? 'test modules' : undefined,
        }),
      )
    },
  })

  context.verb(issuer, {
    name: 'unlock',
    summary: 'unlock a mounted chip: issuer mode ends',
    about:
      "Gives the chip the unlocking key and the hash of its mask. The chip decrypts the customization software, compares the hash, checks your signature, and enters customization mode, once in its life. A chip takes 64 failed tries, then it is scrap; this command first makes sure that the chip's ROM is the mask's.",
    reads: ['your vault: unlocking key and hash of the mask'],
    writes: ['your outbox: the entry for the log'],
    examples: ['issuer unlock --module chips/cash.chip --mask fleet'],
    module: 'required',
    options: [maskOption],
    async run(step) {
      const done = await unlock(step.party('issuer'), await step.module(), { mask: step.option('mask') })
      const serial = encodeHex(done.serial)
      const outcome = done.already ? 'was unlocked before' : 'unlocked'
      return report({ serial, already: done.already }, `${serial} ${outcome}`)
    },
  })

  context.verb(issuer, {
    name: 'customize',
    summary: 'make a product of an unlocked chip',
    about: `Writes a product into the chip: vector table, additional software, key places, the manufacturer's key and the keys of the document channel; then the chip makes its identity key. Products: ${Object.keys(products).join(', ')}. One mask becomes any of them. May be repeated until finish; the papers stay the same.`,
    reads: [
      "the manufacturer's root certificate",
      'the certificates of authority and operators, where given',
    ],
    writes: [
      "--papers FILE, --document-key FILE or both: the document key, for the module's owner; only you can read it, so hand it over well",
      '--request FILE: the identity key, for the manufacturer to certify',
      'your outbox: the entry for the log',
    ],
    examples: [
      'issuer customize --module chips/cash.chip --mask fleet --product cash --manufacturer-root certs/manufacturer-root.pem --papers exchange/cash.papers --request exchange/cash.request',
    ],
    module: 'required',
    options: [
      maskOption,
      {
        flags: '--product <name>',
        text: 'what the chip becomes',
        required: true,
        choices: Object.keys(products),
      },
      { flags: '--manufacturer-root <file>', text: "the manufacturer's root certificate", required: true },
      { flags: '--papers <file>', text: 'where the papers go' },
      {
        flags: '--document-key <file>',
        text: 'where the document key goes by itself, to be sent by another way than the module',
      },
      { flags: '--request <file>', text: 'where the identity request goes' },
      {
        flags: '--insecure-identical',
        text: 'modules that differ in nothing but their serial number: no identity key, no document key, no papers, no request',
      },
      {
        flags: '--certificates-outside',
        text: "certificates and the central system's key are kept by the apparatus; the module keeps their hashes",
      },
      {
        flags: '--credentials <file>',
        text: 'credentials that the customer made: the chip gets the one of its serial number',
      },
      { flags: '--authority <file>', text: "the key authority's certificate" },
      {
        flags: '--later-customization',
        text: 'code and data may be written in user mode too, through the SAM; nothing switches it on or off later',
      },
      samOption,
      {
        flags: '--insecure-policy <name>',
        text: 'a variant that personalization may use besides the chain (may be repeated)',
        many: true,
        choices: Object.keys(policyBits),
      },
      ...leastChannelOptions('the product'),
      {
        flags: '--operator <file>',
        text: "an operator's certificate from that authority (may be repeated)",
        many: true,
      },
    ],
    async run(step) {
      const [papers, documentKey] = [step.optional('papers'), step.optional('document-key')]
      const identical = step.flag('insecure-identical')
      if (!identical && papers === undefined && documentKey === undefined) {
        throw new UsageError('--papers or --document-key: the document key must go somewhere')
      }
      const request = step.optional('request')
      if (!identical && request === undefined) {
        throw new UsageError('option --request is missing: the identity request must go somewhere')
      }
      if (identical && [papers, documentKey, request].some((file) => file !== undefined)) {
        throw new UsageError(
          'identical modules have no document key and no identity: leave out where they go',
        )
      }
      const credentials = step.optional('credentials')
      const name = step.option('product') as ProductName
      const authority = step.optional('authority')
      const sam = step.optional('sam')
      const laterCustomization = step.flag('later-customization')
      if (laterCustomization !== (sam !== undefined)) {
        throw new UsageError('--later-customization and --sam go together')
      }
      const policy = step.many('insecure-policy') as PolicyName[]
      // Where nothing proves the module, no channel can ask for a proof.
      const leastChannel = leastChannelOf(step) ?? (identical ? 'unauthenticated' : undefined)
      const root = step.option('manufacturer-root')
      const done = await customize(step.party('issuer'), await step.module(), {
        mask: step.option('mask'),
        product: {
          ...products[name],
          ...(policy.length === 0 ? {} : { policy }),
          ...(leastChannel === undefined ? {} : { leastChannel }),
          ...(laterCustomization ? { laterCustomization } : {}),
          ...(identical ? { identical } : {}),
          ...(step.flag('certificates-outside') ? { outside: true } : {}),
        },
        ...(credentials === undefined ? {} : { credentials: step.readFile(credentials) }),
        ...(sam === undefined ? {} : { sam: await step.openModule(sam) }),
        programs: productPrograms(),
        manufacturerRoot: certificateOf(step.readFile(root), root),
        ...certifiedPoints(step.party('issuer'), {
          ...(authority === undefined
            ? {}
            : { authority: certificateOf(step.readFile(authority), authority) }),
          operators: step.many('operator').map((file) => certificateOf(step.readFile(file), file)),
        }),
      })
      if (papers !== undefined) step.writeSecretFile(papers, done.papers)
      if (documentKey !== undefined) step.writeSecretFile(documentKey, documentKeyFile(done.papers))
      wipe(done.papers)
      if (done.identityRequest !== undefined) step.writeFile(request!, done.identityRequest)
      const serial = encodeHex(done.serial)
      return report(
        { serial, product: name, writes: done.writes, laterCustomization },
        ...fields({
          module: serial,
          product: name,
          'WRITE commands': done.writes,
          'later customization': laterCustomization ? 'on' : undefined,
        }),
        identical
          ? 'next: `issuer finish`; such a module proves to nobody which one it is'
          : 'next: the manufacturer certifies the request, then `issuer finish`',
      )
    },
  })

  context.verb(issuer, {
    name: 'finish',
    summary: 'end customization for ever: user mode',
    about:
      "Stores the identity certificate, then has the chip erase the customization software, encrypted and decrypted, and its keys, and blow the fuse. After that nobody can customize it, you neither. The certificate is checked up to the manufacturer's root before anything is sent. A power cut in the middle is no harm: the chip ends what it began at its next start.",
    reads: ['--certificate FILE: from the manufacturer'],
    writes: ['your outbox: the entries for the log'],
    examples: [
      'issuer finish --module chips/cash.chip --mask fleet --certificate certs/cash-identity.pem --irreversible',
    ],
    module: 'required',
    options: [
      maskOption,
      {
        flags: '--certificate <file>',
        text: "the module's identity certificate (products of identical modules have none)",
      },
      { flags: '--irreversible', text: 'say that you know: this cannot be undone' },
    ],
    async run(step) {
      if (!step.flag('irreversible')) {
        throw new UsageError('finish cannot be undone: add --irreversible when you mean it')
      }
      const file = step.optional('certificate')
      const certificate = file === undefined ? {} : { certificate: certificateOf(step.readFile(file), file) }
      const mask = step.option('mask')
      const done = await finish(step.party('issuer'), await step.module(), { mask, ...certificate })
      const serial = encodeHex(done.serial)
      return report(
        { serial, already: done.already },
        `${serial} ${done.already ? 'was in user mode before' : 'is in user mode'}`,
      )
    },
  })

  registerLot(issuer, context)
  registerLaterCustomization(issuer, context)
}

/** The document key as a line of hex digits. */
function documentKeyFile(papers: Uint8Array): Uint8Array {
  const { documentKey } = parseModulePapers(papers)
  const text = new TextEncoder().encode(`${encodeHex(documentKey)}\n`)
  wipe(documentKey)
  return text
}

function given(step: Step, option: string): Uint8Array | undefined {
  const file = step.optional(option)
  return file === undefined ? undefined : step.readFile(file)
}
