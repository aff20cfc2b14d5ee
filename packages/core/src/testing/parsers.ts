import * as apdu from '../apdu/index.ts'
import * as bytes from '../bytes/index.ts'
import * as cbor from '../cbor/index.ts'
import * as generalAuthenticate from '../channel/general-authenticate/index.ts'
import * as scp03 from '../channel/scp03/index.ts'
import * as scp11 from '../channel/scp11/index.ts'
import { portableCrypto } from '../crypto/index.ts'
import * as customization from '../customization/index.ts'
import * as der from '../der/index.ts'
import { DecodeError } from '../errors/index.ts'
import * as globalplatform from '../globalplatform/index.ts'
import * as keyDownload from '../key-download/index.ts'
import * as limitedKeys from '../limited-keys/index.ts'
import * as log from '../log/index.ts'
import * as loyalty from '../loyalty/index.ts'
import * as payment from '../payment/index.ts'
import * as people from '../people/index.ts'
import * as personalization from '../personalization/index.ts'
import type { Crypto } from '../ports/index.ts'
import * as resources from '../resources/index.ts'
import * as signingCard from '../signing-card/index.ts'
import * as t1 from '../t1/index.ts'
import * as tickets from '../tickets/index.ts'
import * as tlv from '../tlv/index.ts'
import * as x509 from '../x509/index.ts'

/** A function that reads what somebody else wrote: it answers, or throws a DecodeError. */
export interface Parser {
  readonly name: string
  readonly takes: 'bytes' | 'text'
  /** Parses the input; text is given as its UTF-8 bytes. */
  parse(input: Uint8Array, crypto?: Crypto): unknown
  /** The bytes of what was parsed. */
  readonly serialize?: (value: never) => Uint8Array
  /** One value has several forms, of which `serialize` makes one. */
  readonly manyForms?: true
}

/** Folders of core with a `parse…`, `decode…` or `pemTo…` among their public names. A test finds those that are missing. */
export const parserFolders: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  apdu,
  bytes,
  cbor,
  'channel/general-authenticate': generalAuthenticate,
  'channel/scp03': scp03,
  'channel/scp11': scp11,
  customization,
  der,
  globalplatform,
  'key-download': keyDownload,
  'limited-keys': limitedKeys,
  log,
  loyalty,
  payment,
  people,
  personalization,
  resources,
  'signing-card': signingCard,
  t1,
  tickets,
  tlv,
  x509,
}

const parserName = /^(parse|decode|pemTo)[A-Z]/

const ofText: readonly string[] = [
  'decodeBase64',
  'decodeHex',
  'parseCheckpoint',
  'parseNote',
  'parseNoteKey',
  'pemToCertificates',
]

type Parse = (input: unknown, other: unknown) => unknown

const ofByte = (parse: Parse, input: Uint8Array): unknown => parse(firstOf(input), undefined)
const ofDataObject = (parse: Parse, input: Uint8Array): unknown => parse(dataObject(input), undefined)

/** How what takes no bytes comes by what it takes: most read a parameter of a command, which is one byte. */
const adapted: Readonly<Record<string, (parse: Parse, input: Uint8Array) => unknown>> = {
  parseEntry: (parse, input) => parse(cbor.parseDocument(input), undefined),
  parseInitializeUpdateRequest: (parse, input) => parse(apdu.parseCommand(input), undefined),
  parseApplicationState: ofByte,
  parseCardState: ofByte,
  parseCurve: ofByte,
  parseDomainState: ofByte,
  parseInstallPurpose: ofByte,
  parseLoadP1: ofByte,
  parseStatusForm: ofByte,
  parseStatusScope: ofByte,
  parseStoreDataForm: ofByte,
  parseKeyReference: ofDataObject,
  parseKeyReferenceTemplate: ofDataObject,
  parseGenerateKeyAnswer: (parse, input) => parse(input, 'P-256'),
  // With the longer epilogue; the form with the shorter one differs in nothing else.
  parseBlock: (parse, input) => parse(input, 'crc'),
  parseInstallRequest: (parse, input) =>
    parse(globalplatform.parseInstallPurpose(firstOf(input)), input.subarray(1)),
  parseOldRegistryEntries: (parse, input) =>
    parse(input.subarray(1), globalplatform.parseStatusScope(firstOf(input))),
}

/** Parses that take what cards of other makers say in another form, too. */
const manyForms: readonly string[] = [
  // 00, or nothing at all.
  'parseConfirmation',
  // An empty C0, or none.
  'parseKeyInformation',
  // Objects in another order; more than one byte of state.
  'parseRegistryEntries',
]

/** Parses whose `serialize…` is not the other direction; each with its reason. */
const oneWay: readonly string[] = [
  // Text: letter case, line ends.
  'decodeHex',
  'decodeBase64',
  // Gives the command's parts; the other direction makes a whole command.
  'parseInitializeUpdateRequest',
  // The other direction makes the signed text from a body.
  'parseCheckpoint',
  'parseNote',
  'parseNoteKey',
  // What they take besides the bytes is in the first byte here.
  'parseInstallRequest',
  'parseOldRegistryEntries',
]

/** Where the other direction has another name or takes the parts one by one. */
const serializers: Readonly<Record<string, (value: never) => Uint8Array>> = {
  parseBlock: (block: t1.Block) => t1.serializeBlock(block, 'crc'),
  decodeCanonical: cbor.encodeCanonical,
  parseCertificate: (certificate: x509.Certificate) =>
    x509.serializeCertificate(x509.serializeTbs(certificate), certificate.signature),
  parseLoadManifest: ({ manifest, sealedKey }: ReturnType<typeof resources.parseLoadManifest>) =>
    resources.serializeLoadManifest(manifest, sealedKey),
}

/** Every parser among core's public names. */
export const parsers: readonly Parser[] = Object.values(parserFolders).flatMap((names) =>
  Object.entries(names)
    .filter(([name, value]) => parserName.test(name) && typeof value === 'function')
    .map(([name, value]) => parserOf(name, value as Parse, names)),
)

/** True for a name that `parsers` has to list. */
export function isParserName(name: string): boolean {
  return parserName.test(name)
}

function parserOf(name: string, parse: Parse, names: Readonly<Record<string, unknown>>): Parser {
  const named = names[name.replace(/^(parse|decode)/, 'serialize')] as Parser['serialize']
  const serialize =
    oneWay.includes(name) || adapted[name] === ofByte ? undefined : (serializers[name] ?? named)
  const adapt = adapted[name]
  return {
    name,
    takes: ofText.includes(name) ? 'text' : 'bytes',
    parse(input, crypto = portableCrypto) {
      if (adapt !== undefined) return adapt(parse, input)
      return parse(ofText.includes(name) ? new TextDecoder().decode(input) : input, crypto)
    },
    ...(serialize === undefined ? {} : { serialize }),
    ...(manyForms.includes(name) ? { manyForms: true } : {}),
  }
}

function firstOf(input: Uint8Array): number {
  const [first] = input
  if (first === undefined) throw new DecodeError('expected a byte')
  return first
}

function dataObject(input: Uint8Array): tlv.Tlv {
  const [first] = tlv.parseTlvs(input)
  if (first === undefined) throw new DecodeError('expected a data object')
  return first
}
