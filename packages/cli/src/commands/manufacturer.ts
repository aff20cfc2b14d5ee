import { encodeHex } from '@sealwright/core/bytes'
import { parseIdentityRequest } from '@sealwright/core/customization'
import { fingerprint } from '@sealwright/core/personalization'
import { certifyModule, certifyUnit, initRoot } from '@sealwright/roles/manufacturer'
import type { Command } from 'commander'
import { type Context, certificateFile, fields, report, requiredFingerprint } from '../framework/index.ts'
import { fingerprintOptions } from './certified-party.ts'
import { register as registerCertifyLot } from './manufacturer-certify-lot.ts'
import { register as registerProduce } from './manufacturer-produce.ts'

export function register(program: Command, context: Context): void {
  const manufacturer = context.group(
    program,
    'manufacturer',
    'make chips from a mask, certify modules and units',
    "The manufacturer makes chips from the issuer's mask, which is all he has of the software, and signs with his root who the modules and the personalization units are.",
  )

  context.verb(manufacturer, {
    name: 'init-root',
    summary: 'make the root key and its certificate',
    about:
      'Makes the root that signs identity certificates of modules and certificates of personalization units. Made once; asked again it gives the same certificate. A test root signs only test modules.',
    writes: [
      '--out FILE: the root certificate, PEM, for issuers, units and suppliers',
      'your vault: the root key',
    ],
    examples: ['manufacturer init-root --out certs/manufacturer-root.pem'],
    options: [
      { flags: '--out <file>', text: 'the certificate', required: true },
      { flags: '--name <text>', text: 'the name in the certificate (default: manufacturer)' },
      { flags: '--insecure-test-root', text: 'mark the root and all below it as made with test keys' },
    ],
    async run(step) {
      const name = step.optional('name')
      const root = await initRoot(step.party('manufacturer'), {
        ...(name === undefined ? {} : { name }),
        test: step.flag('insecure-test-root'),
      })
      step.writeFile(step.option('out'), certificateFile(root.encoded))
      const number = encodeHex(root.serialNumber)
      return report(
        { subject: root.subject.commonName, number, test: root.test },
        `${root.test ? 'test root' : 'root'} ${root.subject.commonName}, certificate ${number}`,
      )
    },
  })

  registerProduce(manufacturer, context)

  context.verb(manufacturer, {
    name: 'certify-module <request>',
    summary: "certify a module's identity key",
    about:
      'Checks that whoever made the request has the key, and signs the identity certificate: one for each serial number. The same request again gives the same certificate; another key for the same serial number is refused.',
    reads: ['REQUEST: from the issuer'],
    writes: ['--out FILE: the identity certificate, PEM, for the issuer'],
    examples: ['manufacturer certify-module exchange/cash.request --out certs/cash-identity.pem'],
    options: [{ flags: '--out <file>', text: 'the certificate', required: true }],
    async run(step) {
      const request = step.readFile(step.argument(0))
      const certificate = await certifyModule(step.party('manufacturer'), { request })
      step.writeFile(step.option('out'), certificateFile(certificate.encoded))
      const serial = encodeHex(parseIdentityRequest(request).serial)
      const number = encodeHex(certificate.serialNumber)
      const { test } = certificate
      return report(
        { serial, number, test },
        ...fields({ module: serial, certificate: number, 'test module': test ? 'yes' : undefined }),
      )
    },
  })

  registerCertifyLot(manufacturer, context)

  context.verb(manufacturer, {
    name: 'certify-unit <request>',
    summary: "certify a customer's personalization unit",
    about:
      "Checks that whoever made the request has the key, that its fingerprint is the one that the customer told you by another way, and signs the unit's certificate: it may then personalize modules for its customer without you. Send your root along.",
    reads: ['REQUEST: from the unit'],
    writes: ["--out FILE: the unit's certificate, PEM"],
    examples: [
      'manufacturer certify-unit exchange/unit.request --fingerprint-file exchange/unit.fingerprint --out certs/unit.pem',
    ],
    options: [
      { flags: '--out <file>', text: 'the certificate', required: true },
      ...fingerprintOptions,
      { flags: '--days <number>', text: 'how long it is valid (default: 3650)' },
    ],
    async run(step) {
      const ports = step.party('manufacturer')
      const days = step.number('days')
      const certificate = await certifyUnit(ports, {
        request: step.readFile(step.argument(0)),
        fingerprint: requiredFingerprint(step, 'fingerprint'),
        ...(days === undefined ? {} : { days }),
      })
      step.writeFile(step.option('out'), certificateFile(certificate.encoded))
      const shown = {
        unit: certificate.subject.commonName,
        customer: encodeHex(certificate.customer!),
        fingerprint: encodeHex(fingerprint(certificate.publicPoint, ports.crypto)),
        number: encodeHex(certificate.serialNumber),
      }
      return report(shown, ...fields(shown))
    },
  })
}
