import { encodeHex, wipe } from '@sealwright/core/bytes'
import { type ChannelForm, channelForms } from '@sealwright/core/catalog'
import { UsageError } from '@sealwright/core/errors'
import { twoPinsLabel } from '@sealwright/roles/two-pins'
import {
  makeCredentials,
  type PersonalizeInput,
  personalize,
  personalizeByCard,
  request,
} from '@sealwright/roles/unit'
import type { Command } from 'commander'
import {
  type Context,
  certificateFile,
  certificateOf,
  customerOf,
  fields,
  report,
  requiredFingerprint,
  requireSerial,
  type Step,
} from '../framework/index.ts'
import { identityPicture } from '../pictures/key-picture.ts'
import { fingerprintFile } from './certified-party.ts'
import { leastChannelOf, leastChannelOptions } from './channel-options.ts'
import { cardOption, cardRunOf, keptByCard, registerCard } from './unit-card.ts'
import { personalizeMatter, pinsForm, registerPins } from './unit-pins.ts'
import { keptByHost, registerRules } from './unit-rules.ts'
import { registerTransfer } from './unit-transfer.ts'

export function register(program: Command, context: Context): void {
  const unit = context.group(
    program,
    'unit',
    'personalize modules at their place of use',
    "The personalization unit works for one customer, at the place where a module is to be used. The manufacturer certifies its signing key once; then it certifies modules' operating keys and the central system's key, without the manufacturer.",
  )

  context.verb(unit, {
    name: 'request',
    summary: "make the signing key and ask for the manufacturer's certificate",
    about:
      'Makes the signing key, when there is none yet, and a request for its certificate, signed with it. Tell the manufacturer the fingerprint by another way than the file goes. The key lies in a file of your vault: whoever copies the folder can sign; a card or HSM would be stronger.',
    writes: ['--out FILE: the request, for the manufacturer', 'your vault: the signing key'],
    examples: [
      'unit request --customer "Example Bank" --out exchange/unit.request --fingerprint-out exchange/unit.fingerprint',
    ],
    options: [
      { flags: '--out <file>', text: 'the request', required: true },
      { flags: '--fingerprint-out <file>', text: 'the fingerprint as text, to be brought by another way' },
      {
        flags: '--customer <text>',
        text: 'the customer that the unit works for: a name (hashed), or 32 hex digits',
        required: true,
      },
      { flags: '--name <text>', text: 'the name in the certificate (default: unit)' },
    ],
    async run(step) {
      const ports = step.party('unit')
      // A request is no certificate, and is taken for none: its content type stands in what is signed.
      step.signsFreely()
      const customer = customerOf(step.option('customer'), ports.crypto)
      const name = step.optional('name') ?? 'unit'
      const made = await request(ports, { name, customer })
      // Signatures differ from run to run; the request for the same key is as good.
      step.replaceFile(step.option('out'), made.document)
      const { fingerprint } = made
      const told = step.optional('fingerprint-out')
      if (told !== undefined) step.replaceFile(told, fingerprintFile(fingerprint))
      return report(
        { name, customer, fingerprint },
        ...fields({ unit: name, customer: encodeHex(customer), fingerprint: encodeHex(fingerprint) }),
      )
    },
  })

  context.verb(unit, {
    name: 'credentials <serials>',
    summary: 'make credentials for modules that are still to be made',
    about:
      'For a customer who wants a proof of his own. Each credential is a secret for one serial number; whoever customizes the modules puts it in with `issuer customize --credentials`, and can neither make nor check one. `unit personalize --credential` has the module prove it. Credentials are secret: who has one can play that module. The key that they follow from stays in your vault.',
    reads: ['SERIALS: one serial number on each line, 16 hex digits'],
    writes: [
      '--out FILE: the credentials; only you can read it, so hand it over well',
      'your vault: the key',
    ],
    examples: ['unit credentials exchange/bought.serials --out exchange/bought.credentials'],
    options: [{ flags: '--out <file>', text: 'the credentials', required: true }],
    async run(step) {
      const text = new TextDecoder().decode(step.readFile(step.argument(0)))
      const serials = text
        .split(/\s+/)
        .filter((line) => line !== '')
        .map((line) => requireSerial(line))
      const file = await makeCredentials(step.party('unit'), { serials })
      step.writeSecretFile(step.option('out'), file)
      wipe(file)
      return report({ credentials: serials.length }, `${serials.length} credentials`)
    },
  })

  registerTransfer(unit, context)

  context.verb(unit, {
    name: 'personalize',
    summary: 'personalize the module that the order names',
    about:
      "Compares the module's serial number with the order, checks its identity up to the manufacturer's root, opens a channel that proves it, has it make its operating key, certifies that key and the central system's, and checks the module's receipt. Nothing is signed for another module. Broken off anywhere, it is run again and settles with the module what was left open. With the module's papers, or the document key that was sent by itself, unit and module first prove to each other that they know that key, and either stops when the other does not. --channel names the form in which the two talk; in mutual, dh-signed and signed-key the unit proves itself too, with a channel key that its signing key certifies. The module's product and this unit each have a least form, and refuse what is lower. With --card a signing card has the key: the approvals are for an order of `unit card order`, and the card checks everything by itself.",
    reads: [
      "--certificate FILE: your certificate; --root FILE: the manufacturer's root, from the same exchange",
      "--central FILE: the central system's request",
      '--papers FILE or --document-key FILE, where the module came with one',
    ],
    writes: [
      '--out FILE: the operating certificate, PEM',
      "--central-out FILE: the central system's certificate, PEM",
      'your store: what you prescribed, signed and got back; your outbox: the entry for the log',
    ],
    examples: [
      'unit personalize --module chips/cash.chip --serial 0000000000000001 --certificate certs/unit.pem --root certs/manufacturer-root.pem --central exchange/central.request --central-fingerprint-file exchange/central.fingerprint --out certs/cash-operating.pem',
      'unit personalize --module chips/cash.chip --serial 0000000000000001 --card chips/unit-card.chip --root certs/manufacturer-root.pem --approval exchange/cash.asked --approval exchange/cash.approved',
    ],
    module: 'required',
    options: [
      {
        flags: '--serial <hex>',
        text: "the order: the module's serial number, 16 hex digits",
        required: true,
      },
      cardOption,
      { flags: '--certificate <file>', text: "the unit's certificate (required without --card)" },
      { flags: '--root <file>', text: "the manufacturer's root certificate", required: true },
      { flags: '--central <file>', text: "the central system's request (required without --card)" },
      {
        flags: '--central-fingerprint <hex>',
        text: "fingerprint of the central system's key as you were told it by another way",
      },
      {
        flags: '--central-fingerprint-file <file>',
        text: 'the same as a file that came by another way',
      },
      {
        flags: '--papers <file>',
        text: "the module's papers: both sides prove that they know the key in them",
      },
      {
        flags: '--document-key <file>',
        text: 'the same with the key alone, as it was sent by itself: a file of hex digits, - or fd:N',
      },
      {
        flags: '--credential',
        text: 'the module must show the credential that you made for it: see `unit credentials`',
      },
      {
        flags: '--insecure-no-identity',
        text: 'take one of many identical modules, which has no proof of identity',
      },
      {
        flags: '--channel <form>',
        text: 'the form of channel (default: document-key with the papers or the key, else module-proof)',
        choices: Object.keys(channelForms),
      },
      ...leastChannelOptions('this unit'),
      {
        flags: '--approval <file>',
        text: 'what one of two people signed, where this unit has a roster, or a card (twice)',
        many: true,
      },
      { flags: '--out <file>', text: 'write the operating certificate here' },
      {
        flags: '--outside-out <file>',
        text: 'for the apparatus of a module that keeps certificates and keys outside: write them here',
      },
      { flags: '--central-out <file>', text: "write the central system's certificate here" },
      { flags: '--insecure-accept-test', text: 'work under a root that is marked as a test root' },
      {
        flags: '--bare-signature',
        text: 'give a signature without the key in it (where the product allows it)',
      },
      {
        flags: '--insecure-central-key-bare',
        text: "give the central system's key without a certificate (where the product allows it)",
      },
      {
        flags: '--insecure-circular',
        text: "your certificate is the central system's, not the manufacturer's: plausible only (where the product allows it)",
      },
    ],
    async run(step) {
      const [ports, transport] = [step.party('unit'), await step.module()]
      const withCard = step.optional('card') !== undefined
      const order = {
        serial: requireSerial(step.option('serial')),
        credential: step.flag('credential'),
        approvals: step.many('approval').map((file) => step.readFile(file)),
      }
      const run = withCard ? await cardRunOf(step) : ownRunOf(step)
      if ('unit' in run) step.actsOn(() => personalizeMatter(ports, { ...order, ...run }))
      const own = await documentKeyOf(step)
      const channel = step.optional('channel') as ChannelForm | undefined
      const leastChannel = leastChannelOf(step)
      const how = {
        ...order,
        ...own,
        ...(channel === undefined ? {} : { channel }),
        ...(leastChannel === undefined ? {} : { leastChannel }),
        seen: ({ serial, identity }: Parameters<NonNullable<PersonalizeInput['seen']>>[0]) => {
          ports.progress(`module ${encodeHex(serial)}`)
          if (identity !== undefined) for (const line of identityPicture(identity)) ports.progress(line)
        },
      }
      const done = await ('unit' in run
        ? personalize(ports, transport, { ...how, ...run })
        : personalizeByCard(ports, transport, { ...how, ...run })
      ).finally(() => wipe(own.papers, own.documentKey))
      const { serial, already, operating, central, centralFingerprint } = done
      const named = own.papers !== undefined || own.documentKey !== undefined
      const ruled = done.approved !== undefined || operating.certificate?.ticket !== undefined
      const outside = step.optional('outside-out')
      if (outside !== undefined) step.writeFile(outside, done.outside)
      const proofs = [
        done.unidentified ? undefined : 'identity',
        named ? 'document key' : undefined,
        step.flag('credential') ? 'credential' : undefined,
      ].filter((one) => one !== undefined)
      const proof = already ? 'operating key' : proofs.length === 0 ? 'none' : proofs.join(' and ')
      for (const [option, made] of [
        ['out', operating],
        ['central-out', central],
      ] as const) {
        const file = step.optional(option)
        if (file === undefined) continue
        step.writeFile(file, made.certificate === undefined ? made.encoded : certificateFile(made.encoded))
      }
      return report(
        {
          serial,
          state: 'operating',
          already,
          proof,
          channel: done.form,
          certificate: operating.certificate?.serialNumber,
          central: central.certificate?.subject.commonName,
          centralFingerprint,
          event: done.number,
          ticket: operating.certificate?.ticket,
          approved: done.approved,
          ...(step.agreed === undefined ? {} : { agreed: { ...step.agreed, ...pinsForm } }),
          ...(ruled ? { enforcedBy: withCard ? 'card' : 'host' } : {}),
        },
        ...fields({
          module: encodeHex(serial),
          'proof of the module': proof,
          channel: already ? undefined : `${done.form}: ${channelForms[done.form].meaning}`,
          state: already ? 'operating (personalized by this unit before; nothing was signed)' : 'operating',
          certificate:
            operating.certificate === undefined
              ? 'a signature without the key'
              : encodeHex(operating.certificate.serialNumber),
          'central system': central.certificate?.subject.commonName ?? 'its key alone',
          'its fingerprint': encodeHex(centralFingerprint),
          event: done.number,
          'number of the ticket': operating.certificate?.ticket?.number,
          'asked for by': done.approved?.requester,
          'approved by': done.approved?.approver,
          'two PINs': step.agreed && `${step.agreed.requester}, ${step.agreed.confirmer}`,
        }),
        ...(step.agreed === undefined ? [] : [twoPinsLabel]),
        ...(ruled ? [withCard ? keptByCard : keptByHost] : []),
        'next: take the module off the line; it now answers its central system and needs you no more',
        'next: hand the entries of your outbox to the log: `sealwright outbox unit --out FILE`',
      )
    },
  })

  registerCard(unit, context)
  registerRules(unit, context)
  registerPins(unit, context)
}

/** What `unit personalize` takes for a run with the unit's own key. */
function ownRunOf(step: Step) {
  const certificate = (name: string): Uint8Array =>
    certificateOf(step.readFile(step.option(name)), step.option(name))
  return {
    unit: certificate('certificate'),
    root: certificate('root'),
    central: step.readFile(step.option('central')),
    centralFingerprint: requiredFingerprint(step, 'central-fingerprint'),
    insecureAcceptTest: step.flag('insecure-accept-test'),
    bareSignature: step.flag('bare-signature'),
    insecureCentralKeyBare: step.flag('insecure-central-key-bare'),
    insecureCircular: step.flag('insecure-circular'),
    insecureNoIdentity: step.flag('insecure-no-identity'),
  }
}

/** What the module came with. The key comes as hex digits: bytes as they are could end like a line of text. */
async function documentKeyOf(step: Step): Promise<{ papers?: Uint8Array; documentKey?: Uint8Array }> {
  const papers = step.optional('papers')
  const source = step.optional('document-key')
  if (papers !== undefined && source !== undefined) {
    throw new UsageError('--papers and --document-key: one of them is enough')
  }
  if (papers !== undefined) return { papers: step.readFile(papers) }
  if (source === undefined) return {}
  return { documentKey: await step.secret('document-key', 'document key') }
}
