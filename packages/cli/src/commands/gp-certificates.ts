import { concat, encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { type OceCertificate, orderChain, roleOfPolicies } from '@sealwright/core/globalplatform'
import { certificateToPem } from '@sealwright/core/x509'
import {
  limitToSerialNumbers,
  plainLine,
  readCertificates,
  selectDomain,
  storeCertificates,
  trustAuthority,
} from '@sealwright/roles/globalplatform'
import type { Command } from 'commander'
import { type Context, report, type Step, table } from '../framework/index.ts'
import {
  aidOf,
  aidOption,
  certificatesOf,
  hexByte,
  hexOf,
  inSession,
  keyReferenceOf,
  sessionOptions,
} from './gp-session.ts'

const keyArgument = 'KEY: identifier and version in hex, such as 13/01; see `gp keys`'

export function registerCertificates(gp: Command, context: Context): void {
  const certificates = context.group(
    gp,
    'certificates',
    'certificates and authorities of SCP11',
    'A card shows the certificates of its own keys, and takes those of hosts from the authorities that it was told of.',
  )

  context.verb(certificates, {
    name: 'show <key>',
    summary: "show, or save, the certificates of a card's key",
    about:
      'Reads the chain of one of the card’s keys, without a session. Whether it is the card’s, its signatures say, and a session with --card-ca checks them.',
    reads: [keyArgument],
    writes: ['--out FILE: the chain, PEM, leaf last'],
    examples: ['gp certificates show 13/01 --reader Yubico --out card.pem'],
    module: 'required',
    options: [{ flags: '--out <file>', text: 'where the chain goes' }, aidOption],
    async run(step) {
      const transport = await step.module()
      await selectDomain(transport, aidOf(step, 'aid'))
      const key = keyReferenceOf(step.argument(0), 'KEY')
      const chain = await readCertificates(plainLine(transport), key)
      if (chain === undefined)
        return report({ key, certificates: null }, 'The card has no certificates for this key.')
      const out = step.optional('out')
      if (out !== undefined) step.replaceFile(out, bundleFile(chain))
      return report({ key, certificates: chain.map(certificateFields) }, ...certificateTable(chain))
    },
  })

  context.verb(certificates, {
    name: 'store <key> <chain>',
    summary: "give a card's key its certificates",
    about: 'Stores the chain of one of the card’s keys. One that is there is replaced.',
    reads: [keyArgument, 'CHAIN: PEM, or DER one behind the other'],
    examples: ['gp certificates store 13/02 card-chain.pem --reader Yubico --keys card.keys'],
    module: 'required',
    options: sessionOptions,
    async run(step) {
      const key = keyReferenceOf(step.argument(0), 'KEY')
      const chain = orderChain(certificatesOf(step.readFile(step.argument(1)), step.argument(1)))
      await inSession(step, (session) => storeCertificates(session, key, chain))
      return report(
        { key, certificates: chain.length },
        `The card has ${chain.length} certificates for ${keyName(key)}.`,
      )
    },
  })

  context.verb(certificates, {
    name: 'trust <key> <certificate>',
    summary: 'have a card take hosts that an authority certified',
    about:
      'Puts the authority’s public key under KEY and tells the card by which name certificates call it, its subject key identifier. From then on hosts with a certificate below it may open SCP11a and SCP11c.',
    reads: ['KEY: identifier 10 or 20 to 2F, and version, in hex: 10/01', 'CERTIFICATE: of the authority'],
    examples: ['gp certificates trust 10/01 ca-kloc.pem --reader Yubico --keys card.keys'],
    module: 'required',
    options: [
      { flags: '--identifier <hex>', text: 'the name, where the certificate has no subject key identifier' },
      ...sessionOptions,
    ],
    async run(step) {
      const key = keyReferenceOf(step.argument(0), 'KEY')
      const [certificate, ...others] = certificatesOf(step.readFile(step.argument(1)), step.argument(1))
      if (certificate === undefined || others.length > 0) throw new UsageError('expected one certificate')
      if (!certificate.signsCertificates) throw new UsageError('the certificate is not that of an authority')
      const identifier = identifierOf(step, certificate)
      await inSession(step, (session, { listedKeys }) =>
        trustAuthority(session, { key, publicPoint: certificate.publicPoint, identifier, listedKeys }),
      )
      return report(
        { key, identifier },
        `The card takes hosts certified below ${encodeHex(identifier)}, key ${keyName(key)}.`,
      )
    },
  })

  context.verb(certificates, {
    name: 'allow <key> [serial...]',
    summary: 'let only certain certificates pass below an authority',
    about:
      'Gives the card a list of serial numbers, in hex: below the authority under KEY only certificates with one of them pass. Name those of all certificates of a chain, not of the leaf alone. Without serial numbers, and with --all, the list is taken away.',
    reads: ['KEY: identifier and version of the authority’s key, in hex: 10/01'],
    examples: [
      'gp certificates allow 10/01 2A 7F03 --reader Yubico --keys card.keys',
      'gp certificates allow 10/01 --all --reader Yubico --keys card.keys',
    ],
    module: 'required',
    options: [{ flags: '--all', text: 'take the list away' }, ...sessionOptions],
    async run(step) {
      const key = keyReferenceOf(step.argument(0), 'KEY')
      const serialNumbers = step.list(1).map((text) => hexOf(text, 'SERIAL'))
      if ((serialNumbers.length === 0) !== step.flag('all'))
        throw new UsageError('name serial numbers, or --all')
      await inSession(step, (session) => limitToSerialNumbers(session, key, serialNumbers))
      return report(
        { key, serialNumbers },
        serialNumbers.length === 0
          ? `Every certificate below ${keyName(key)} passes.`
          : `${serialNumbers.length} serial numbers pass below ${keyName(key)}.`,
      )
    },
  })
}

function identifierOf(step: Step, certificate: OceCertificate): Uint8Array {
  const named = step.optional('identifier')
  if (named !== undefined) return hexOf(named, '--identifier')
  const own = certificate.format === 'gp' ? certificate.subject : certificate.subjectKeyIdentifier
  if (own !== undefined) return own
  throw new UsageError('the certificate has no subject key identifier: name one with --identifier')
}

function bundleFile(chain: readonly OceCertificate[]): Uint8Array {
  if (chain.some(({ format }) => format === 'gp')) return concat(...chain.map(({ encoded }) => encoded))
  return new TextEncoder().encode(chain.map(({ encoded }) => certificateToPem(encoded)).join(''))
}

function certificateFields(one: OceCertificate) {
  return {
    format: one.format,
    serialNumber: one.serialNumber,
    role: roleOfPolicies(one.policies),
    authority: one.signsCertificates,
    notAfter: one.notAfter,
    publicPoint: one.publicPoint,
  }
}

function certificateTable(chain: readonly OceCertificate[]): string[] {
  return table(
    ['', 'serial number', 'what', 'until'],
    chain.map((one, i) => [
      String(i + 1),
      encodeHex(one.serialNumber),
      roleOfPolicies(one.policies) ?? (one.signsCertificates ? 'authority' : 'key agreement'),
      new Date(one.notAfter * 1000).toISOString().slice(0, 10),
    ]),
  )
}

function keyName({ keyId, keyVersion }: { keyId: number; keyVersion: number }): string {
  return `${hexByte(keyId)}/${hexByte(keyVersion)}`
}
