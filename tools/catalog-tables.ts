import {
  answeredUnpersonalized,
  approvableActions,
  type CommandRow,
  certificateIds,
  certifications,
  channelForms,
  channelKeys,
  channelLevels,
  channelSuites,
  chipModes,
  commands,
  contentType,
  customizationRecords,
  type DocumentName,
  dataTags,
  documentTypes,
  duties,
  eventTypes,
  formats,
  type InputPath,
  type InterfaceRow,
  identityProofs,
  inputPaths,
  interfaces,
  keyPlaces,
  labels,
  personalizationStates,
  productDataIds,
  programInstructions,
  publicKeyIds,
  selfTestResults,
  statusWords,
  unversioned,
} from '@sealwright/core/catalog'
import { customizationObjects } from '@sealwright/core/customization'
import { errorTable } from '@sealwright/core/errors'
import {
  applicationStates,
  cardStates,
  curves,
  diversifications,
  dataTags as domainDataTags,
  domainStates,
  installPurposes,
  keyIdentifiers,
  keyTypes,
  loadFileStates,
  oceChainProblems,
  oceRoles,
  policyOf,
  privileges,
  quotaTags,
  statusScopes,
} from '@sealwright/core/globalplatform'
import { suites } from '@sealwright/core/key-download'
import { approvalReasons, rosterReasons } from '@sealwright/core/people'
import { bindingReasons, policyBits } from '@sealwright/core/personalization'
import { ticketReasons } from '@sealwright/core/tickets'
import { extensionOids, pathReasons, roles } from '@sealwright/core/x509'
import { attacks } from '../packages/module/test/program/hostile/table.ts'

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Every table that pages under docs/ may name in `<!-- generated:NAME -->`. */
export function catalogTables(): Record<string, Table> {
  return {
    'hostile-programs': {
      head: ['program', 'kind', 'what it tries', 'what stops it', 'ends with', 'without that check'],
      rows: attacks.map(({ name, kind, attacks: what, check, end, effect }) => [
        name,
        kind,
        what,
        check,
        end,
        effect,
      ]),
    },
    commands: {
      head: ['command', 'INS', 'class', 'modes', 'state', 'channel', 'entry', 'what it does'],
      rows: Object.entries<CommandRow>(commands).map(([name, row]) => [
        name,
        code(row.ins),
        row.class === 'iso' ? '00, 80' : '80',
        row.modes.join(', '),
        row.states?.join(', ') ?? 'any',
        row.channel + (row.local === true ? ', local' : ''),
        code(row.entry),
        row.purpose,
      ]),
    },
    unpersonalized: {
      head: ['command', 'INS', 'class', 'channel', 'what it does'],
      rows: answeredUnpersonalized().map((name) => {
        const row: CommandRow = commands[name]
        return [name, code(row.ins), row.class === 'iso' ? '00, 80' : '80', row.channel, row.purpose]
      }),
    },
    'program-instructions': {
      head: ['instruction', 'INS', 'what it does'],
      rows: Object.entries(programInstructions).map(([name, { ins, purpose }]) => [name, code(ins), purpose]),
    },
    'status-words': {
      head: ['SW', 'name', 'meaning', 'next step'],
      rows: Object.entries(statusWords).map(([name, row]) => [
        code(row.sw, 4),
        name,
        row.meaning,
        row.remedy,
      ]),
    },
    'chip-modes': {
      head: ['mode', 'code', 'next', 'meaning'],
      rows: Object.entries(chipModes).map(([name, row]) => [
        name,
        code(row.code),
        next(row.next),
        row.meaning,
      ]),
    },
    'self-test-results': {
      head: ['result', 'code', 'meaning'],
      rows: Object.entries(selfTestResults).map(([name, row]) => [name, code(row.code), row.meaning]),
    },
    'input-loop': {
      head: ['path', 'Fig. 4', 'modes', 'input', 'condition', 'status', 'memory', 'besides'],
      rows: Object.entries<InputPath>(inputPaths).map(([name, row]) => [
        name,
        row.boxes,
        modesOf(row.modes),
        row.input,
        row.condition,
        row.status === 'own'
          ? 'its own'
          : row.status === '61XX'
            ? '61XX'
            : code(statusWords[row.status].sw, 4),
        { same: 'as it was', try: 'a try counted', own: 'its own' }[row.memory],
        [row.volatile, row.next === undefined ? undefined : `mode ${row.next}`]
          .filter((text) => text !== undefined)
          .join('; ') || '–',
      ]),
    },
    'personalization-states': {
      head: ['state', 'code', 'GlobalPlatform', 'next'],
      rows: Object.entries(personalizationStates).map(([name, row]) => [
        name,
        code(row.code),
        row.globalPlatform,
        next(row.next),
      ]),
    },
    interfaces: {
      head: ['interface', 'function', 'parameters', 'result', 'meaning', 'charge'],
      rows: Object.entries<InterfaceRow>(interfaces).flatMap(([name, row]) =>
        Object.entries(row.functions).map(([fn, f]) => [
          `${name} (${code(row.right)})`,
          fn,
          f.parameters.map((parameter) => parameter.name).join(', ') || '–',
          f.result ?? '–',
          f.meaning,
          `${f.charge.call} + ${f.charge.byte} a byte`,
        ]),
      ),
    },
    labels: {
      head: ['label', 'name', 'use'],
      rows: Object.entries(labels).map(([name, { text, use }]) => [text, name, use]),
    },
    documents: {
      head: ['document', 'version', 'content type', 'signed by', 'what it is'],
      rows: Object.entries(documentTypes).map(([name, { version, signedBy, text }]) => [
        name,
        String(version),
        contentType(name as DocumentName),
        signedBy.join(', '),
        text,
      ]),
    },
    events: {
      head: ['code', 'event', 'digest', 'stated by'],
      rows: Object.entries(eventTypes).map(([name, row]) => [
        code(row.code),
        name,
        row.digest,
        row.by.join(', '),
      ]),
    },
    suites: {
      head: ['suite', 'bytes of a key', 'SAS', 'bytes of SAS'],
      rows: Object.entries(suites).map(([number, row]) => [
        code(Number(number), 4),
        String(row.keyLength),
        row.signature,
        String(row.signatureLength),
      ]),
    },
    roles: {
      head: ['role', 'OID', 'key usage', 'path length', 'issued by', 'carries'],
      rows: Object.entries(roles).map(([name, row]) => [
        name,
        row.oid,
        row.keyUsage.join(', '),
        row.pathLength === undefined ? 'no CA' : String(row.pathLength),
        row.issuedBy.join(', '),
        row.carries.join(', ') || '–',
      ]),
    },
    extensions: {
      head: ['extension', 'OID'],
      rows: Object.entries(extensionOids).map(([name, oid]) => [name, oid]),
    },
    'path-reasons': {
      head: ['reason', 'meaning'],
      rows: Object.entries(pathReasons).map(([name, meaning]) => [name, meaning]),
    },
    'approvable-actions': {
      head: ['action', 'object', 'what is done', 'taken by'],
      rows: Object.entries(approvableActions).map(([name, { object, text, takenBy }]) => [
        name,
        object.join(', '),
        text,
        takenBy.length === 0 ? 'nobody yet' : takenBy.join(', '),
      ]),
    },
    duties: {
      head: ['duty', 'meaning'],
      rows: Object.entries(duties).map(([name, meaning]) => [name, meaning]),
    },
    'approval-reasons': reasonTable(approvalReasons),
    'roster-reasons': reasonTable(rosterReasons),
    'ticket-reasons': reasonTable(ticketReasons),
    'binding-reasons': {
      head: ['reason', 'meaning'],
      rows: Object.entries(bindingReasons).map(([name, meaning]) => [name, meaning]),
    },
    'personalization-policies': {
      head: ['bit', 'variant', 'what it allows'],
      rows: Object.entries(policyBits).map(([name, { bit, text }]) => [code(bit), name, text]),
    },
    'identity-proofs': {
      head: ['code', 'proof', 'meaning'],
      rows: Object.entries(identityProofs).map(([name, row]) => [code(row.code), name, row.meaning]),
    },
    certifications: {
      head: ['code', 'name', 'what the trust in the central system rests on'],
      rows: Object.entries(certifications).map(([name, row]) => [code(row.code), name, row.meaning]),
    },
    'channel-forms': {
      head: ['form', 'level', 'what it is'],
      rows: Object.entries(channelForms).map(([name, { level, meaning }]) => [name, level, meaning]),
    },
    'channel-levels': {
      head: ['code', 'level', 'what it says of the other end'],
      rows: Object.entries(channelLevels).map(([name, row]) => [code(row.code), name, row.meaning]),
    },
    'channel-suites': {
      head: ['suite', 'algorithms'],
      rows: Object.values(channelSuites).map((row) => [code(row.code), row.meaning]),
    },
    'key-places': numbers('place', 'reference', keyPlaces, 8),
    'channel-keys': numbers('key', 'key identifier', channelKeys, 2),
    'public-keys': numbers('key', 'id', publicKeyIds, 2),
    'product-data': numbers('object', 'id', productDataIds, 2),
    'data-tags': numbers('object', 'tag', dataTags, 4),
    certificates: {
      head: ['certificate', 'id', 'tag'],
      rows: Object.entries(certificateIds).map(([name, { id, tag }]) => [name, code(id), code(tag, 4)]),
    },
    'customization-objects': numbers('object', 'kind', customizationObjects, 2),
    'customization-records': {
      head: ['record', 'kind', 'bytes'],
      rows: Object.entries(customizationRecords).map(([name, { kind, bytes }]) => [name, code(kind), bytes]),
    },
    ...globalPlatformTables(),
    formats: {
      head: ['format', 'begins with', 'versions read', 'described'],
      rows: [
        ...Object.entries(formats).map(([name, { begins, oldest, newest, page }]) => [
          name,
          begins,
          oldest === newest ? `${newest}` : `${oldest} to ${newest}`,
          `[${page}](${page}.md)`,
        ]),
        ...Object.entries(documentTypes).map(([name, { version }]) => [
          `document \`${name}\``,
          'COSE_Sign1; payload `v`',
          `${version}`,
          '[documents](documents.md)',
        ]),
      ],
    },
    unversioned: {
      head: ['without a version of ours', 'why'],
      rows: Object.entries(unversioned).map((row) => [...row]),
    },
    errors: {
      head: ['code', 'culprit', 'exit', 'next step'],
      rows: Object.entries(errorTable).map(([name, row]) => [
        name,
        row.culprit,
        String(row.exit),
        row.remedy,
      ]),
    },
  }
}

/** Tables of GlobalPlatform's numbers, from packages/core/src/globalplatform. */
function globalPlatformTables(): Record<string, Table> {
  const states = [
    ...stateRows('card', cardStates),
    ...stateRows('application', applicationStates),
    ...stateRows('security domain', domainStates),
    ...stateRows('load file', loadFileStates),
  ]
  return {
    'gp-privileges': {
      head: ['privilege', 'bit of 3 bytes', 'meaning'],
      rows: Object.entries(privileges).map(([name, { bit, meaning }]) => [name, code(bit, 6), meaning]),
    },
    'gp-states': { head: ['of', 'state', 'code', 'next', 'meaning'], rows: states },
    'gp-key-types': numbers('component', 'type', keyTypes, 2),
    'gp-key-identifiers': numbers('key', 'KID', keyIdentifiers, 2),
    'gp-curves': {
      head: ['curve', 'F0', 'bytes of a coordinate'],
      rows: Object.entries(curves).map(([name, { reference, bytes }]) => [
        name,
        code(reference),
        String(bytes),
      ]),
    },
    'gp-data-tags': numbers('data object', 'tag', domainDataTags, 4),
    'gp-status-scopes': numbers('list', 'P1', statusScopes, 2),
    'gp-install-purposes': numbers('INSTALL for', 'P1', installPurposes, 2),
    'gp-quotas': numbers('quota in EF', 'tag', quotaTags, 2),
    'gp-certificate-roles': {
      head: ['role', 'certificate policy', 'signs certificates', 'holder'],
      rows: (Object.keys(oceRoles) as (keyof typeof oceRoles)[]).map((name) => [
        name,
        policyOf(name),
        oceRoles[name].authority ? 'yes' : 'no',
        oceRoles[name].meaning,
      ]),
    },
    'gp-chain-problems': {
      head: ['problem', 'meaning'],
      rows: Object.entries(oceChainProblems),
    },
    'gp-diversifications': {
      head: ['method', 'keys of a card'],
      rows: Object.entries(diversifications).map(([name, { meaning }]) => [name, meaning]),
    },
  }
}

function stateRows(
  of: string,
  table: Readonly<Record<string, { code: number; next: readonly string[]; meaning: string }>>,
): string[][] {
  return Object.entries(table).map(([name, row]) => [of, name, code(row.code), next(row.next), row.meaning])
}

function reasonTable(reasons: Readonly<Record<string, string>>): Table {
  return { head: ['reason', 'meaning'], rows: Object.entries(reasons) }
}

function numbers(name: string, what: string, table: Readonly<Record<string, number>>, digits: number): Table {
  return { head: [name, what], rows: Object.entries(table).map(([key, value]) => [key, code(value, digits)]) }
}

function modesOf(modes: readonly string[]): string {
  const started = Object.keys(chipModes)
  const all = started.every((mode) => modes.includes(mode))
  if (!all) return modes.join(', ')
  return modes.includes('failed') ? 'every one, failed too' : 'every one'
}

function code(value: number, digits = 2): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}

function next(names: readonly string[]): string {
  return names.length === 0 ? '–' : names.join(', ')
}
