import { encodeHex } from '@sealwright/core/bytes'
import { SealwrightError } from '@sealwright/core/errors'
import {
  type CardCapabilities,
  type CardRecognitionData,
  cardStates,
  type KeyInformationEntry,
  keyTypes,
  parseApplicationState,
  parseCardState,
  parseDomainState,
  type RegistryEntry,
  serializePrivileges,
} from '@sealwright/core/globalplatform'
import { readCardInformation, readRegistry, useOfKey } from '@sealwright/roles/globalplatform'
import type { Command } from 'commander'
import { type Context, fields, report, table } from '../framework/index.ts'
import { aidOf, aidOption, hexByte, inSession, sessionOptions } from './gp-session.ts'

export function registerLook(gp: Command, context: Context): void {
  context.verb(gp, {
    name: 'info',
    summary: 'show what a card tells everybody',
    about:
      'Selects the issuer security domain and reads what needs no key: identification, production data (CPLC), protocols, capabilities, free memory, keys by number, authorities. Nothing proves that the card itself says so.',
    examples: ['gp info --reader ACS', 'gp info --module card.chip'],
    module: 'required',
    options: [aidOption],
    async run(step) {
      const { domain, keys, recognition, capabilities, resources, ...told } = await readCardInformation(
        await step.module(),
        aidOf(step, 'aid'),
      )
      const protocols = protocolsOf(recognition, capabilities)
      const json = {
        domain: domain.aid,
        locked: domain.locked,
        longestData: domain.longestData,
        version: recognition?.version,
        protocols,
        issuerIdentification: told.issuerIdentification,
        cardImageNumber: told.cardImageNumber,
        cplc: told.cplc,
        resources,
        keys: keys?.map(keyFields),
        hostAuthorities: told.hostAuthorities,
        cardAuthorities: told.cardAuthorities,
      }
      return report(
        json,
        ...fields({
          'security domain': domain.aid && encodeHex(domain.aid),
          state: domain.locked ? 'the card is locked' : undefined,
          GlobalPlatform: recognition?.version,
          protocols: protocols.map(({ name, i }) => `${name} (i = ${i.join(', ')})`).join(', ') || undefined,
          'issuer identification': told.issuerIdentification && encodeHex(told.issuerIdentification),
          'card image number': told.cardImageNumber && encodeHex(told.cardImageNumber),
          'chip serial number': told.cplc?.icSerialNumber.toString(16).toUpperCase().padStart(8, '0'),
          'chip maker, type': told.cplc && `${word(told.cplc.icFabricator)}, ${word(told.cplc.icType)}`,
          'free memory': resources && `${resources.nonVolatile} bytes, ${resources.volatile} bytes volatile`,
          'longest data field': domain.longestData,
        }),
        ...keyLines(keys),
        ...authorityLines('authorities of hosts', told.hostAuthorities),
        ...authorityLines('authorities of cards', told.cardAuthorities),
      )
    },
  })

  context.verb(gp, {
    name: 'list',
    summary: 'list domains, applications and load files',
    about:
      'Opens a session and reads the card’s registry. A domain that is not the issuer’s sees what belongs to it.',
    examples: [
      'gp list --reader ACS --keys card.keys',
      'gp list --module card.chip --test-keys',
      'gp list --reader ACS --keys master.key --diversify kdf3',
    ],
    module: 'required',
    options: sessionOptions,
    run: (step) =>
      inSession(step, async (session) => {
        const { issuerDomain, domains, applications, loadFiles } = await readRegistry(session)
        const rows = [
          ...(issuerDomain ? [row('issuer domain', issuerDomain, cardState)] : []),
          ...domains.map((entry) => row('domain', entry, domainState)),
          ...applications.map((entry) => row('application', entry, applicationState)),
          ...loadFiles.map((entry) => row('load file', entry, () => 'loaded')),
        ]
        const json = { session: sessionFields(session), entries: rows.map(({ json: one }) => one) }
        return report(
          json,
          `${session.kind.toUpperCase()}, level ${hexByte(session.level)}, key version ${hexByte(session.keyVersion)}`,
          '',
          ...table(
            ['', 'AID', 'state', 'privileges or modules', 'belongs to'],
            rows.map(({ cells }) => cells),
          ),
          ...rows.flatMap(({ json: { aid, privileges } }) =>
            privileges && privileges.length > 1
              ? ['', `privileges of ${encodeHex(aid)}:`, ...privileges.map((name) => `  ${name}`)]
              : [],
          ),
        )
      }),
  })

  context.verb(gp, {
    name: 'keys',
    summary: 'list the keys of a card by number and kind',
    about:
      'Shows identifier, version, kind and use of each key that the card lists. No key value ever leaves a card.',
    examples: ['gp keys --reader ACS', 'gp keys --module card.chip --aid A00000015153504102'],
    module: 'required',
    options: [aidOption],
    async run(step) {
      const { keys, domain } = await readCardInformation(await step.module(), aidOf(step, 'aid'))
      if (keys === undefined)
        return report({ domain: domain.aid, keys: null }, 'The card does not list its keys.')
      return report({ domain: domain.aid, keys: keys.map(keyFields) }, ...keyTable(keys))
    },
  })
}

export function sessionFields(session: { kind: string; level: number; keyVersion: number }) {
  return { kind: session.kind, level: hexByte(session.level), keyVersion: session.keyVersion }
}

function row(kind: string, entry: RegistryEntry, stateOf: (code: number) => string) {
  const { aid, privileges, modules, securityDomain, version } = entry
  const state = named(() => stateOf(entry.state), entry.state)
  const names = privileges?.names ?? []
  const details =
    modules?.map(encodeHex).join(' ') ?? (privileges && encodeHex(serializePrivileges(privileges)))
  return {
    json: {
      kind,
      aid,
      state,
      stateCode: entry.state,
      ...(privileges && { privileges: names }),
      ...(modules && { modules }),
      ...(version && { version }),
      ...(securityDomain && { securityDomain }),
    },
    cells: [kind, encodeHex(aid), state, details || '–', securityDomain ? encodeHex(securityDomain) : '–'],
  }
}

function cardState(code: number): string {
  const state = parseCardState(code)
  return `${state} (${cardStates[state].meaning})`
}

function domainState(code: number): string {
  const { name, locked } = parseDomainState(code)
  return locked ? `${name}, locked` : name
}

function applicationState(code: number): string {
  const { name, locked, code: byte } = parseApplicationState(code)
  const text = name === 'specific' ? `state ${hexByte(byte)} of its own` : name
  return locked ? `${text}, locked` : text
}

/** A state that the standard does not have is shown by its number. */
function named(name: () => string, code: number): string {
  try {
    return name()
  } catch (error) {
    if (error instanceof SealwrightError) return `state ${hexByte(code)}`
    throw error
  }
}

export function keyFields({ keyId, keyVersion, components }: KeyInformationEntry) {
  return { keyId, keyVersion, use: useOfKey(keyId), kind: kindOf(components) }
}

function keyLines(keys: readonly KeyInformationEntry[] | undefined): string[] {
  return keys === undefined ? [] : ['', 'keys:', ...keyTable(keys).map((line) => `  ${line}`)]
}

function keyTable(keys: readonly KeyInformationEntry[]): string[] {
  if (keys.length === 0) return ['no keys']
  return table(
    ['KID', 'version', 'kind', 'use'],
    keys.map((key) => {
      const { keyId, keyVersion, kind, use } = keyFields(key)
      return [hexByte(keyId), hexByte(keyVersion), kind, use]
    }),
  )
}

function kindOf(components: KeyInformationEntry['components']): string {
  const [first] = components
  if (first === undefined) return 'unknown'
  const bits = 8 * first.length
  switch (first.type) {
    case keyTypes.aes:
      return `AES-${bits}`
    case keyTypes.des:
      return `triple DES, ${bits} bits`
    case keyTypes['ec-public']:
      return 'elliptic curve, public'
    case keyTypes['ec-private']:
      return 'elliptic curve, private'
    case keyTypes['rsa-modulus']:
      return 'RSA, public'
    default:
      return `type ${hexByte(first.type)}`
  }
}

function authorityLines(
  title: string,
  list: readonly { identifier: Uint8Array; key: { keyId: number; keyVersion: number } }[] | undefined,
): string[] {
  if (list === undefined || list.length === 0) return []
  return [
    '',
    `${title}:`,
    ...list.map(
      ({ identifier, key }) => `  ${hexByte(key.keyId)}/${hexByte(key.keyVersion)}  ${encodeHex(identifier)}`,
    ),
  ]
}

/** What tags 66 and 67 say of protocols, each once. Of SCP03 tag 67 lists every i in a byte; the i of SCP11 has two. */
function protocolsOf(
  recognition: CardRecognitionData | undefined,
  capabilities: CardCapabilities | undefined,
): { name: string; i: string[] }[] {
  const found = new Map<number, Set<string>>()
  const add = (protocol: number, i: string) => {
    found.set(protocol, (found.get(protocol) ?? new Set()).add(i))
  }
  for (const { protocol, parameter } of recognition?.protocols ?? []) {
    add(protocol, parameter.map(hexByte).join(''))
  }
  for (const { protocol, parameters } of capabilities?.protocols ?? []) {
    if (protocol === 0x11) add(protocol, encodeHex(parameters))
    else for (const i of parameters) add(protocol, hexByte(i))
  }
  return [...found].map(([protocol, i]) => ({ name: `SCP${hexByte(protocol)}`, i: [...i] }))
}

function word(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0')
}
