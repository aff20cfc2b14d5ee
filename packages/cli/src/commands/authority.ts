import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { certify, initAuthority, registered, register as registerModule } from '@sealwright/roles/authority'
import type { Command } from 'commander'
import { type Context, certificateFile, fields, report, table } from '../framework/index.ts'
import { fingerprintOptions, toldFingerprint, trustVerb } from './certified-party.ts'

export function register(program: Command, context: Context): void {
  const authority = context.group(
    program,
    'authority',
    'register modules, certify operators and suppliers',
    'The authority keeps the register of modules, and certifies the keys of operators and suppliers, so that they can trust what they send each other without having met.',
  )

  context.verb(authority, {
    name: 'init-root',
    summary: "make the authority's key and certificate",
    about:
      'Makes the key that certifies operators and suppliers, and its certificate, once; asked again it writes the same certificate.',
    writes: ['--out FILE: the certificate, PEM, for everybody', 'your vault: the key'],
    examples: ['authority init-root --out certs/authority.pem'],
    options: [
      { flags: '--out <file>', text: 'the certificate', required: true },
      { flags: '--name <text>', text: 'the name in the certificate (default: authority)' },
      { flags: '--insecure-test-root', text: 'mark the root and all below it as made with test keys' },
    ],
    async run(step) {
      const name = step.optional('name')
      const ports = step.party('authority')
      const root = await initAuthority(ports, {
        ...(name === undefined ? {} : { name }),
        test: step.flag('insecure-test-root'),
      })
      step.writeFile(step.option('out'), certificateFile(root.encoded))
      const fingerprint = ports.crypto.sha256(root.publicPoint)
      return report(
        { name: root.subject.commonName, fingerprint, test: root.test },
        ...fields({
          authority: root.subject.commonName,
          fingerprint: encodeHex(fingerprint),
          'test root': root.test ? 'yes' : undefined,
        }),
      )
    },
  })

  context.verb(authority, {
    name: 'certify <request>',
    summary: "certify an operator's or supplier's key",
    about:
      'Signs the key in a request, if its fingerprint is the one that its owner told you by another way: a key that came with nothing but itself is not certified.',
    reads: ['REQUEST: from the operator or supplier'],
    writes: ['--out FILE: the certificate, PEM'],
    examples: [
      'authority certify exchange/operator.request --role operator --fingerprint-file exchange/operator.fingerprint --out certs/operator.pem',
    ],
    options: [
      {
        flags: '--role <name>',
        text: 'what the key is certified for',
        required: true,
        choices: ['operator', 'supplier'],
      },
      ...fingerprintOptions,
      { flags: '--out <file>', text: 'the certificate', required: true },
      { flags: '--days <count>', text: 'how long it is valid (default: ten years)' },
    ],
    async run(step) {
      const fingerprint = toldFingerprint(step)
      if (fingerprint === undefined) {
        throw new UsageError("--fingerprint or --fingerprint-file: the key's fingerprint is needed")
      }
      const days = step.number('days')
      const role = step.option('role') as 'operator' | 'supplier'
      const certificate = await certify(step.party('authority'), {
        ...{ role, fingerprint, request: step.readFile(step.argument(0)) },
        ...(days === undefined ? {} : { days }),
      })
      step.writeFile(step.option('out'), certificateFile(certificate.encoded))
      const { commonName } = certificate.subject
      return report(
        { role, name: commonName, certificate: certificate.serialNumber },
        ...fields({ [role]: commonName, certificate: encodeHex(certificate.serialNumber) }),
      )
    },
  })

  trustVerb(context, authority, 'authority')

  context.verb(authority, {
    name: 'register',
    summary: 'enter a module with its number, public key, memory and abilities',
    about:
      "Reads the module's operating certificate, checks it up to the manufacturer's root that you pinned, and enters the module.",
    writes: ['your store: the entry'],
    examples: ['authority register --module chips/phone.chip'],
    module: 'required',
    async run(step) {
      const entry = await registerModule(step.party('authority'), await step.module())
      const { start, end } = entry.room
      return report(
        { serial: entry.serial, certificate: entry.operating.serialNumber, room: entry.room },
        ...fields({
          module: encodeHex(entry.serial),
          certificate: encodeHex(entry.operating.serialNumber),
          'room for resources': `${end - start} bytes from ${start}`,
        }),
      )
    },
  })

  context.verb(authority, {
    name: 'list',
    summary: 'list the registered modules',
    about: 'Lists the modules of the register with their public keys (SHA-256, 8 bytes) and memory.',
    examples: ['authority list'],
    async run(step) {
      const ports = step.party('authority')
      const entries = await registered(ports)
      return report(
        {
          modules: entries.map(({ serial, operating, room, abilities }) => ({
            ...{ serial, room, abilities },
            publicKey: operating.publicPoint,
          })),
        },
        ...table(
          ['module', 'public key', 'room', 'seen'],
          entries.map(({ serial, operating, room, at }) => [
            encodeHex(serial),
            encodeHex(ports.crypto.sha256(operating.publicPoint).subarray(0, 8)),
            String(room.end - room.start),
            new Date(at * 1000).toISOString().slice(0, 10),
          ]),
        ),
      )
    },
  })
}
