import { encodeHex } from '@sealwright/core/bytes'
import * as authority from '@sealwright/roles/authority'
import * as operator from '@sealwright/roles/operator'
import * as supplier from '@sealwright/roles/supplier'
import { fingerprintFile } from '../commands/certified-party.ts'
import { certificateFile } from '../framework/index.ts'
import type { Scene, Stage } from './stage.ts'

export const authorityFile = 'certs/authority.pem'
export const operatorFile = 'certs/operator.pem'

/** Before the factory: the network that telephones will belong to, whose key goes into their modules. */
export const network: Scene = {
  name: 'network',
  title: 'The network: an authority, and the operator whose key will lie in every telephone',
  frame: true,
  stages: [authorityStage(), keyStage('operator'), certifyStage('operator')],
}

/** The verbs of the parties whose keys the authority certifies. */
export const certifiedVerbs = { operator, supplier } as const
type Certified = keyof typeof certifiedVerbs

function authorityStage(): Stage {
  return {
    name: 'init-authority',
    text: 'The authority makes the key under which operators and suppliers will know each other.',
    commandLines: [['authority', 'init-root', '--out', authorityFile]],
    async run(world) {
      const root = await authority.initAuthority(world.party('authority'))
      world.write(authorityFile, certificateFile(root.encoded))
      return [`authority certificate ${encodeHex(root.serialNumber)}`]
    },
  }
}

/** What goes between such a party and the authority. */
export function certifiedFiles(party: Certified) {
  return {
    request: `exchange/${party}.request`,
    fingerprint: `exchange/${party}.fingerprint`,
    certificate: party === 'operator' ? operatorFile : 'certs/supplier.pem',
  }
}

export function keyStage(party: Certified): Stage {
  const { request, fingerprint } = certifiedFiles(party)
  return {
    name: `${party}-key`,
    text: `The ${party} makes its key; request and fingerprint go to the authority by two ways.`,
    commandLines: [[party, 'key', '--out', request, '--fingerprint-out', fingerprint]],
    async run(world) {
      const made = await certifiedVerbs[party].key(world.party(party), { name: party })
      world.write(request, made.document)
      world.write(fingerprint, fingerprintFile(made.fingerprint))
      return [`fingerprint ${encodeHex(made.fingerprint.subarray(0, 8))}…`]
    },
  }
}

export function certifyStage(party: Certified): Stage {
  const { request, fingerprint, certificate } = certifiedFiles(party)
  return {
    name: `certify-${party}`,
    text: `The authority certifies the ${party}'s key: the fingerprint is the one it was told.`,
    commandLines: [
      [
        ...['authority', 'certify', request, '--role', party],
        ...['--fingerprint-file', fingerprint, '--out', certificate],
      ],
    ],
    async run(world) {
      const ports = world.party('authority')
      const text = new TextDecoder().decode(world.read(fingerprint)).trim()
      const made = await authority.certify(ports, {
        role: party,
        request: world.read(request),
        fingerprint: Uint8Array.from(text.match(/../g)!, (byte) => Number.parseInt(byte, 16)),
      })
      world.write(certificate, certificateFile(made.encoded))
      return [`certificate ${encodeHex(made.serialNumber)}`]
    },
  }
}
