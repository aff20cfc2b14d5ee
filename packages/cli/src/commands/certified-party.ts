import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import type { Certificate } from '@sealwright/core/x509'
import type { PartyPorts } from '@sealwright/roles/ports'
import { type OwnKey, pinRoot } from '@sealwright/roles/trust'
import type { Command } from 'commander'
import {
  type Context,
  certificateOf,
  fields,
  fingerprintOption,
  report,
  type Step,
} from '../framework/index.ts'

/** What operator and supplier have in common: a key that the authority certifies, and roots that they pin. */
export interface CertifiedVerbs {
  readonly party: 'operator' | 'supplier'
  /** What the key does. */
  readonly use: string
  key(ports: PartyPorts, input: { readonly name: string }): Promise<OwnKey>
  certificate(ports: PartyPorts, input: { readonly certificate: Uint8Array }): Promise<Certificate>
}

export function certifiedPartyVerbs(context: Context, group: Command, verbs: CertifiedVerbs): void {
  const { party, use } = verbs

  context.verb(group, {
    name: 'key',
    summary: "make the key and ask for the authority's certificate",
    about: `Makes the key with which you ${use}, when there is none yet, and a request for its certificate. Tell the authority the fingerprint by another way than the request goes: by mouth, or as a file of its own that you bring yourself.`,
    writes: ['--out FILE: the request, for the authority', 'your vault: the key'],
    examples: [
      `${party} key --name "Example ${party}" --out exchange/${party}.request --fingerprint-out exchange/${party}.fingerprint`,
    ],
    options: [
      { flags: '--out <file>', text: 'the request', required: true },
      { flags: '--name <text>', text: `the name in the certificate (default: ${party})` },
      { flags: '--fingerprint-out <file>', text: 'the fingerprint as text, to be brought by another way' },
    ],
    async run(step) {
      const name = step.optional('name') ?? party
      const made = await verbs.key(step.party(party), { name })
      // Signatures differ from run to run; the request for the same key is as good.
      step.replaceFile(step.option('out'), made.document)
      const told = step.optional('fingerprint-out')
      if (told !== undefined) step.replaceFile(told, fingerprintFile(made.fingerprint))
      return report(
        { name, fingerprint: made.fingerprint },
        ...fields({ [party]: name, fingerprint: encodeHex(made.fingerprint) }),
      )
    },
  })

  trustVerb(context, group, party)

  context.verb(group, {
    name: 'certificate <file>',
    summary: "keep the authority's certificate for your key",
    about:
      'Checks the certificate up to the authority that you pinned and that it is for your own key, and keeps it: it goes along with what you send.',
    reads: ['FILE: from the authority'],
    examples: [`${party} certificate certs/${party}.pem`],
    async run(step) {
      const file = step.argument(0)
      const taken = await verbs.certificate(step.party(party), {
        certificate: certificateOf(step.readFile(file), file),
      })
      const { commonName } = taken.subject
      return report(
        { name: commonName, certificate: taken.serialNumber },
        ...fields({ certificate: encodeHex(taken.serialNumber), name: commonName }),
      )
    },
  })
}

/** Pins the roots that a party believes. */
export function trustVerb(
  context: Context,
  group: Command,
  party: 'operator' | 'supplier' | 'authority' | 'central',
): void {
  context.verb(group, {
    name: 'trust <files...>',
    summary: "pin the manufacturer's root and the authority's certificate",
    about:
      'Pins the root certificates that you believe from now on: the one under which modules prove themselves, and the one of the authority that certifies operators and suppliers. Each is pinned once; another one of the same kind is refused. Compare the fingerprint that is shown with the one its owner tells you.',
    reads: ['FILES: root certificates, over a way that you trust'],
    examples: [`${party} trust certs/manufacturer-root.pem certs/authority.pem`],
    options: [
      { flags: '--fingerprint <hex>', text: 'fingerprint as its owner told it, for a single file' },
      { flags: '--insecure-test-root', text: 'believe test roots, and test modules with them' },
    ],
    async run(step) {
      const ports = step.party(party)
      const fingerprint = fingerprintOption(step, 'fingerprint')
      const pinned: { role: string; fingerprint: Uint8Array }[] = []
      for (const file of step.list(0)) {
        const certificate = await pinRoot(ports, {
          certificate: certificateOf(step.readFile(file), file),
          ...(fingerprint === undefined ? {} : { fingerprint }),
          insecureTestRoot: step.flag('insecure-test-root'),
        })
        pinned.push({
          role: certificate.role!,
          fingerprint: ports.crypto.sha256(certificate.publicPoint),
        })
      }
      return report(
        { pinned },
        ...pinned.map(({ role, fingerprint: shown }) => `pinned ${role} ${encodeHex(shown)}`),
      )
    },
  })
}

/** A fingerprint that was told by another way: in `--fingerprint HEX` or `--fingerprint-file FILE`. */
export function toldFingerprint(step: Step): Uint8Array | undefined {
  const file = step.optional('fingerprint-file')
  if (file === undefined) return fingerprintOption(step, 'fingerprint')
  const text = new TextDecoder().decode(step.readFile(file)).replace(/[\s:]/g, '')
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new UsageError(`${file}: expected 64 hex digits`)
  return decodeHex(text)
}

export const fingerprintOptions = [
  { flags: '--fingerprint <hex>', text: "fingerprint of the owner's key as told by another way" },
  { flags: '--fingerprint-file <file>', text: 'the same as a file that came by another way' },
] as const

export function fingerprintFile(fingerprint: Uint8Array): Uint8Array {
  return new TextEncoder().encode(`${encodeHex(fingerprint)}\n`)
}
