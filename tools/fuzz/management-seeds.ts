import { commands, dataTags } from '@sealwright/core/catalog'
import {
  cardStates,
  dataTags as domainTags,
  factoryKeyVersion,
  issueOceCertificate,
  keyIdentifiers,
  type OceRole,
  testOnlyScp03Key,
} from '@sealwright/core/globalplatform'
import { answeringProgram, fixtureKey, fixtureTime } from '@sealwright/module/testing'
import {
  deleteContent,
  deleteKeys,
  extradite,
  generateKey,
  install,
  installApplication,
  installDomain,
  keyTemplate,
  load,
  none,
  publicField,
  putKey,
  putSet,
  type Speaker,
  setStatus,
  storeAllowList,
  storeAuthority,
  storeCertificates,
  storeData,
} from '../../packages/module/test/globalplatform/management.ts'
import { bytesFromHex } from './hex.ts'
import { insecureStampingCrypto as crypto } from './stamping-crypto.ts'
import type { CommandStep, OpenStep, Step } from './step.ts'

const file = bytesFromHex('F053504E01')
const app = bytesFromHex('F053504E0101')
const domain = bytesFromHex('A0000000A1')
const authority = fixtureKey(crypto, 'authority')
const host = fixtureKey(crypto, 'host of SCP11')
const version = 3

/** What management of a card's content, keys and states looks like when it is done right: for chips with GlobalPlatform's commands. */
export function managementSeeds(): Step[][] {
  const certificates = [certificate('leaf', host.publicPoint)]
  const withProgram = (to: Speaker): void => {
    load(to, file, answeringProgram('kept'))
    installApplication(to, file, app)
  }
  return [
    spoken((to) => {
      withProgram(to)
      for (const scope of [0x80, 0x40, 0x20, 0x10]) status(to, scope)
      to.send({ cla: 0x00, ins: commands.SELECT.ins, p1: 0x04, data: app, le: 256 })
      for (const ins of [0x10, 0x12]) to.send({ cla: 0x80, ins, le: 256 })
    }),
    spoken((to) => {
      withProgram(to)
      install(to, 0x20, none, none, app, none, none, none)
      storeData(to, bytesFromHex('0101AA'))
      install(to, 0x40, domain, none, app, none, none, none)
      setStatus(to, 0x40, 0x80, app)
      setStatus(to, 0x40, 0x07, app)
      deleteContent(to, app)
      deleteContent(to, file, true)
    }),
    spoken((to) => {
      installDomain(to, domain)
      withProgram(to)
      extradite(to, app, domain)
      status(to, 0x40)
      setStatus(to, 0x60, 0x80, domain)
      deleteContent(to, domain, true)
    }),
    [
      ...spoken((to) => {
        installDomain(to, domain)
        to.send({ cla: 0x00, ins: commands.SELECT.ins, p1: 0x04, data: domain, le: 256 })
      }),
      ...spoken((to) => {
        putSet({ ...to, dek: crypto.aes(testOnlyScp03Key()) } as never, 0x31, [key(1), key(2), key(3)])
        storeData(to, bytesFromHex('4208A0A1A2A3A4A5A6A7'))
        generateKey(to, keyIdentifiers.scp11b, version)
      }),
    ],
    ...([keyIdentifiers.scp11a, keyIdentifiers.scp11c] as const).map((id) => [
      ...spoken((to) => {
        putKey(to, { id: keyIdentifiers['ca-kloc'] }, version, publicField(authority.publicPoint))
        storeAuthority(to, keyIdentifiers['ca-kloc'], version, bytesFromHex('0102030405'))
        storeAllowList(to, keyIdentifiers['ca-kloc'], version, [Uint8Array.of(0x41), Uint8Array.of(0x42)])
        generateKey(to, id, version)
        storeCertificates(to, id, version, certificates[0]!)
        to.send({ cla: 0x00, ins: 0xca, p1: 0xbf, p2: 0x21, data: keyTemplate(id, version), le: 256 })
      }),
      ...certificates.map((data) =>
        plain({
          ins: commands['PERFORM SECURITY OPERATION'].ins,
          p1: version,
          p2: keyIdentifiers['ca-kloc'],
          data,
        }),
      ),
      ...spoken(
        (to) => {
          status(to, 0x80)
          deleteKeys(to, { version })
        },
        { protocol: id === keyIdentifiers.scp11a ? 'scp11a' : 'scp11c', version },
      ),
    ]),
    spoken(
      (to) => {
        to.send({ cla: 0x80, ins: 0xca, p1: 0x00, p2: 0xe0, le: 256 })
      },
      { protocol: 'scp11b', version: 1 },
    ),
    ...(['initialized', 'secured', 'card-locked', 'terminated'] as const).map((last) => {
      const path = ['initialized', 'secured', 'card-locked', 'secured', 'terminated'] as const
      const until = last === 'terminated' ? path.length : path.indexOf(last) + 1
      return [
        ...spoken((to) => {
          for (const state of path.slice(0, until)) setStatus(to, 0x80, cardStates[state].code)
        }),
        plain({ cla: 0x00, ins: commands.SELECT.ins, p1: 0x04 }),
        plain({ ins: 0xca, p1: 0xdf, p2: 0x2d }),
      ]
    }),
    ...[dataTags, domainTags].map((tags) =>
      spoken((to) => {
        for (const tag of Object.values(tags))
          to.send({ cla: 0x80, ins: 0xca, p1: tag >> 8, p2: tag & 0xff, le: 256 })
      }),
    ),
    spoken((to) => {
      for (const version of [factoryKeyVersion, 0x30]) deleteKeys(to, { version, last: true })
    }),
  ]
}

/** An operator's document as the token of content management: the resource of this AID reserved, released, blocked, deleted. */
export function tokenSeeds(document: Uint8Array, aid: Uint8Array): Step[][] {
  return [
    (to: Speaker) => void install(to, 0x04, aid, aid, aid, new Uint8Array(3), none, document),
    (to: Speaker) => void install(to, 0x08, none, none, aid, none, none, document),
    (to: Speaker) => void install(to, 0x40, none, none, aid, none, none, document),
    (to: Speaker) => void deleteContent(to, aid, false, document),
  ].map((work) => spoken(work))
}

/** In a channel of the selected security domain; nobody answers, so what would follow from an answer is left out. */
function spoken(
  work: (to: Speaker) => void,
  { protocol, version }: Pick<OpenStep & { channel: 'security-domain' }, 'protocol' | 'version'> = {
    protocol: 'scp03',
    version: 0,
  },
): Step[] {
  const steps: Step[] = [{ kind: 'open', channel: 'security-domain', protocol, version, level: 0x33 }]
  work({
    send(sent) {
      // SELECT ends the channel: what comes after it is for whoever was selected.
      const selected = steps.some((step) => step.kind === 'command' && step.ins === commands.SELECT.ins)
      steps.push({ ...plain(sent), secured: !selected })
      return { data: none, sw: 0x9000 }
    },
  })
  return steps
}

function plain({
  cla = 0x80,
  ins,
  p1 = 0,
  p2 = 0,
  data = none,
}: Partial<Parameters<Speaker['send']>[0]> & { ins: number }): CommandStep {
  const form = data.length > 255 ? 'class chain' : 'short'
  return { kind: 'command', ...{ cla, ins, p1, p2, data, le: 256, form, secured: false } }
}

function status(to: Speaker, scope: number): void {
  to.send({
    cla: 0x80,
    ins: commands['GET STATUS'].ins,
    p1: scope,
    p2: 0x02,
    data: bytesFromHex('4F00'),
    le: 256,
  })
}

function key(n: number): Uint8Array {
  return crypto.sha256(Uint8Array.of(n)).slice(0, 16)
}

function certificate(subject: string, publicPoint: Uint8Array, role: OceRole = 'oce'): Uint8Array {
  const year = 365 * 86_400
  const validity = { notBefore: fixtureTime - year, notAfter: fixtureTime + year }
  const issuer = { subject: 'authority', publicPoint: authority.publicPoint }
  return issueOceCertificate(
    { role, serialNumber: Uint8Array.of(0x41), subject, publicPoint, ...validity, issuer },
    authority,
    crypto,
  )
}
