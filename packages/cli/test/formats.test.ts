import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ascii, concat } from '@sealwright/core/bytes'
import {
  contentType,
  type DocumentName,
  documentTypes,
  type FormatName,
  formats,
} from '@sealwright/core/catalog'
import { encodeCanonical, parseDocument } from '@sealwright/core/cbor'
import { withHandle } from '@sealwright/core/crypto'
import * as customization from '@sealwright/core/customization'
import { errorTable } from '@sealwright/core/errors'
import * as keyDownload from '@sealwright/core/key-download'
import { parsePassport } from '@sealwright/core/log'
import { parseCardFile } from '@sealwright/core/loyalty'
import {
  parseApprovalRequest,
  parsePinResetRequest,
  serializeApprovalRequest,
  serializePinResetRequest,
} from '@sealwright/core/people'
import {
  parseBareCertificate,
  parseCredentials,
  parseOutsideObjects,
  serializeBareCertificate,
  serializeCredentials,
  serializeOutsideObjects,
} from '@sealwright/core/personalization'
import { parsePackage } from '@sealwright/core/resources'
import {
  parseCardLogEntry,
  parseCardLogFile,
  serializeCardLogEntry,
  serializeCardLogFile,
} from '@sealwright/core/signing-card'
import { parseTicketRecord, prepareTicket, serializeTicketRecord } from '@sealwright/core/tickets'
import { parseControlPage } from '@sealwright/module/eeprom'
import { parseRom } from '@sealwright/module/rom'
import { nodeCrypto } from '@sealwright/node/crypto'
import {
  parseKeyFile,
  parseSealedKeyFile,
  parseVaultKeyFile,
  parseVaultPlace,
  serializeSealedKeyFile,
  serializeVaultKeyFile,
} from '@sealwright/node/keys'
import { parseBackup } from '@sealwright/node/medium'
import { unpackWorkspace } from '@sealwright/node/testing'
import {
  parseDepersonalization,
  parseDisabledKey,
  parseEnrolledUnit,
  parseMessageNumbers,
  serializeDepersonalization,
  serializeDisabledKey,
  serializeEnrolledUnit,
  serializeMessageNumbers,
} from '@sealwright/roles/central'
import { parseEntriesFile } from '@sealwright/roles/custody'
import {
  parseCounterFile,
  parseKeyFile as parseLoaderKeyFile,
  serializeCounterFile,
  serializeKeyFile,
} from '@sealwright/roles/loader'
import { parseLogRefusal, serializeLogRefusal } from '@sealwright/roles/log'
import { parsePersonTag } from '@sealwright/roles/person'
import {
  parsePinHolder,
  parsePinRequest,
  parsePinRules,
  serializePinHolder,
  serializePinRequest,
  serializePinRules,
} from '@sealwright/roles/two-pins'
import { parseGivenApprovals, parseTicketCount } from '@sealwright/roles/unit'
import { commandLine } from './run.ts'

// Every format of the catalog with a real example of it: the version as it is is read; the next one, whatever stands behind it, is refused
// by name; version 0 is no version. Most examples lie in the workspace that this release left as a fixture.

const folder = mkdtempSync(join(tmpdir(), 'sealwright-formats-'))
after(() => rmSync(folder, { recursive: true }))
const work = join(folder, 'w')
const oldWork = join(folder, 'old')
unpackWorkspace('release-2', work)
unpackWorkspace('release-1', oldWork)

interface Example {
  readonly bytes: Uint8Array
  /** The same with another version. */
  with(version: number): Uint8Array
  /** Reads it, as whoever gets it does. */
  read(bytes: Uint8Array): unknown
}

type Read = (bytes: Uint8Array) => unknown

const file = (path: string, at = work): Uint8Array => new Uint8Array(readFileSync(join(at, path)))

/** The version is a byte behind the magic. */
function byteAt(offset: number, bytes: Uint8Array, read: Read): Example {
  return { bytes, read, with: (version) => bytes.with(offset, version) }
}

/** A CBOR map whose first entry is `v`. */
function cborMap(bytes: Uint8Array, read: Read): Example {
  const mark = Buffer.of(0x61, 0x76, 0x01)
  const at = Buffer.from(bytes).indexOf(mark)
  assert.ok(at >= 0 && at < 4, 'a map that begins with v')
  return byteAt(at + 2, bytes, read)
}

/** JSON with a field `format`. */
function json(text: string, read: Read): Example {
  return {
    bytes: ascii(text),
    with: (version) => ascii(text.replace(/"format": ?1\b/, `"format":${version}`)),
    read,
  }
}

class Refused extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Puts the bytes into a file of a workspace, runs a command that reads them, and puts the file back. */
function byCommand(path: string, line: string, at = work): Read {
  return async (bytes) => {
    const place = join(at, path)
    const before = readFileSync(place)
    writeFileSync(place, bytes)
    try {
      const { status, stdout } = await commandLine(at, [...line.split(' '), '--json'])
      if (status === 0) return
      const { error, code, findings } = JSON.parse(stdout)
      if (error === undefined) throw new Refused(code, JSON.stringify(findings))
      assert.equal(status, errorTable[error.code as 'usage'].exit)
      throw new Refused(error.code, error.message)
    } finally {
      writeFileSync(place, before)
    }
  }
}

const firstIn = (path: string, at = work): string => join(path, readdirSync(join(at, path)).sort()[0]!)
const inStore = (path: string, line: string, at = work): Example =>
  cborMap(file(path, at), byCommand(path, line, at))

const mask = customization.parseMaskFile(file('exchange/small.mask'))
const program = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
const verifyCash = 'module verify chips/cash.chip'
function signedTicket(): Uint8Array {
  const id = new Uint8Array(16)
  const ticket = { id, unit: id, customer: id, number: 1, count: 1, issued: 1, until: 2 }
  return withHandle(nodeCrypto.ecPrivateKey(new Uint8Array(32).fill(1)), (key) => {
    const unsigned = prepareTicket(ticket, key.publicPoint, nodeCrypto)
    return unsigned.finish(key.sign(unsigned.toBeSigned))
  })
}
const leafOfRefusal = serializeLogRefusal({
  digest: new Uint8Array(32).fill(1),
  reason: 'for the test',
  at: 1,
})

const examples: Record<FormatName, Example> = {
  'chip file': {
    ...byteAt(
      7,
      file('chips/cash.chip'),
      byCommand('chips/cash.chip', 'module show --module chips/cash.chip'),
    ),
  },
  'chip key file': byteAt(4, file('chips/cash.chip.key'), byCommand('chips/cash.chip.key', verifyCash)),
  credentials: byteAt(
    4,
    serializeCredentials([{ serial: new Uint8Array(8), credential: new Uint8Array(16) }]),
    parseCredentials,
  ),
  'outside objects': byteAt(
    4,
    serializeOutsideObjects([{ kind: 'public-key', id: 2, bytes: new Uint8Array(65) }]),
    parseOutsideObjects,
  ),
  'chip backup': byteAt(4, file('exchange/cash.backup'), parseBackup),
  EEPROM: byteAt(4, mask.eeprom[0]!.bytes, parseControlPage),
  'ROM image': byteAt(4, mask.rom, parseRom),
  'mask file': byteAt(4, file('exchange/small.mask'), customization.parseMaskFile),
  'unlocking file': byteAt(
    4,
    file('issuer/keys/unlocking/small.secret').subarray(1),
    customization.parseUnlockingFile,
  ),
  'delivery note': byteAt(4, file('exchange/small.note'), customization.parseDeliveryNote),
  'lot file': byteAt(4, file('issuer/keys/lots/spring.secret').subarray(1), customization.parseLotFile),
  'lot order': byteAt(4, file('exchange/spring.order'), customization.parseLotOrder),
  'lot note': byteAt(4, file('exchange/spring.note'), customization.parseLotNote),
  'lot requests': byteAt(4, file('exchange/spring.requests'), customization.parseLotRequests),
  'lot certificates': byteAt(4, file('exchange/spring.certificates'), customization.parseLotCertificates),
  'lot book': inStore(firstIn('issuer/store/lots/spring/book'), 'issuer lot show spring'),
  'lot images': inStore(
    'issuer/store/lots/spring/images',
    'issuer lot finish spring --chips chips/spring --certificates exchange/spring.certificates --irreversible --jobs 1',
  ),
  'module papers': byteAt(4, file('exchange/cash.papers'), customization.parseModulePapers),
  'identity request': byteAt(0, file('exchange/cash.request'), customization.parseIdentityRequest),
  'sealed customization key': byteAt(
    0,
    customization.serializeSealedCustomizationKey({
      version: 1,
      sam: new Uint8Array(8).fill(1),
      nonce: new Uint8Array(12),
      box: new Uint8Array(48),
    }),
    customization.parseSealedCustomizationKey,
  ),
  'bare certificate': byteAt(
    0,
    serializeBareCertificate({
      notBefore: 1,
      notAfter: 2,
      binding: {
        nonce: new Uint8Array(16),
        customer: new Uint8Array(16),
        centralKeyHash: new Uint8Array(32),
      },
      signature: new Uint8Array(64),
    }),
    parseBareCertificate,
  ),
  'customization image': byteAt(
    0,
    customization.serializeCustomizationImage({
      version: 1,
      form: 'eeprom',
      signature: new Uint8Array(64),
      program,
    }),
    customization.parseCustomizationImage,
  ),
  software: byteAt(
    0,
    customization.serializeSoftware({ version: 1, interfaces: [], budget: 1000, keyPlaces: [], program }),
    customization.parseSoftware,
  ),
  'key request file': byteAt(4, file('exchange/terminal.key-request'), keyDownload.parseKeyRequestFile),
  'key message file': byteAt(4, file('exchange/terminal.key-message'), keyDownload.parseKeyMessageFile),
  'key receipt file': byteAt(4, file('exchange/terminal.key-receipt'), keyDownload.parseKeyReceiptFile),
  "customer's card": byteAt(4, file('exchange/customer.card'), parseCardFile),
  package: cborMap(file('supplier/store/packages/0000000000000004-1/0000000001.package'), (bytes) =>
    parsePackage(bytes, nodeCrypto),
  ),
  entries: cborMap(file('exchange/unit.entries'), parseEntriesFile),
  passport: cborMap(file('exchange/phone.passport'), parsePassport),
  'approval request': cborMap(
    serializeApprovalRequest({
      matter: { action: 'terminate', object: { module: new Uint8Array(8) } },
      actor: new Uint8Array(16),
      nonce: new Uint8Array(16),
      until: 1,
    }),
    parseApprovalRequest,
  ),
  'card log entry': byteAt(
    0,
    serializeCardLogEntry({
      number: 1,
      previous: new Uint8Array(32),
      body: { kind: 'document-taken', document: Uint8Array.of(1) },
    }),
    parseCardLogEntry,
  ),
  'card log': cborMap(serializeCardLogFile({ serial: new Uint8Array(8), entries: [] }), parseCardLogFile),
  'given approvals': cborMap(
    encodeCanonical({ v: 1, format: 'sealwright given approvals', documents: [] }),
    parseGivenApprovals,
  ),
  person: cborMap(encodeCanonical({ v: 1, format: 'sealwright person', id: 'anna' }), parsePersonTag),
  'ticket count': cborMap(
    encodeCanonical({ v: 1, format: 'sealwright ticket count', ticket: signedTicket(), used: 0 }),
    parseTicketCount,
  ),
  'ticket record': cborMap(
    serializeTicketRecord({ unit: file('certs/unit.pem'), tickets: [], certificates: [] }),
    parseTicketRecord,
  ),
  intent: inStore(
    firstIn('loader/store/intents', oldWork),
    'loader key new --module chips/loader.chip --reference 0x00010A01 --usage M6 --mode C',
    oldWork,
  ),
  depersonalization: cborMap(
    serializeDepersonalization({
      request: { serial: new Uint8Array(8).fill(1), certificateDigest: new Uint8Array(32) },
      point: new Uint8Array(65).fill(4),
    }),
    parseDepersonalization,
  ),
  'message numbers': cborMap(serializeMessageNumbers({ sent: 1, received: 2 }), parseMessageNumbers),
  'enrolled unit': cborMap(
    serializeEnrolledUnit({ certificate: new Uint8Array(3), by: 'fingerprint', at: 1 }),
    parseEnrolledUnit,
  ),
  'disabled key': cborMap(
    serializeDisabledKey({ kind: 'serial', id: new Uint8Array(8), at: 1, reason: '', number: 1 }),
    parseDisabledKey,
  ),
  personalization: inStore(
    firstIn('unit/store/personalizations/0000000000000001'),
    'unit personalize --module chips/cash.chip --serial 0000000000000001 --certificate certs/unit.pem --root certs/manufacturer-root.pem --central exchange/central.request --central-fingerprint-file exchange/central.fingerprint --out certs/cash-operating.pem --central-out certs/central.pem',
  ),
  set: inStore(
    'loader/store/sets/1',
    'module install-t --module chips/terminal.chip --papers exchange/terminal.papers --set 1',
  ),
  'registered module': inStore('authority/store/modules/0000000000000004', 'authority list'),
  'operator records': inStore('operator/store/modules/0000000000000004', 'operator list'),
  'log index': inStore('log/store/index', 'log show'),
  enrolment: inStore(firstIn('log/store/enrolled'), 'log parties'),
  'refused entry': cborMap(leafOfRefusal, parseLogRefusal),
  workspace: json(
    readFileSync(join(work, 'sealwright.json'), 'utf8'),
    byCommand('sealwright.json', 'keys issuer'),
  ),
  'lock file': json(
    JSON.stringify({
      format: 1,
      pid: 0,
      started: null,
      command: 'c',
      host: 'elsewhere.invalid',
      since: '2026',
    }),
    async (bytes) => {
      writeFileSync(join(work, 'chips/cash.chip.lock'), bytes)
      try {
        await byCommand('chips/cash.chip', verifyCash)(file('chips/cash.chip'))
      } catch (error) {
        // A good one is another holder's.
        if ((error as Refused).code !== 'memory-held' || Buffer.from(bytes).includes('"format":0'))
          throw error
      } finally {
        rmSync(join(work, 'chips/cash.chip.lock'))
      }
    },
  ),
  'change file': json(JSON.stringify({ format: 1, name: 'a change' }), customization.parseChangeFile),
  'secret key file': byteAt(0, file('issuer/keys/document/0000000000000001.secret'), (bytes) =>
    parseKeyFile('secret', bytes),
  ),
  'loader key': cborMap(
    serializeKeyFile({
      ...{ source: 1, set: 1, diversified: true, exportsLeft: 3 },
      attributes: {
        usage: 'M6',
        algorithm: 'A',
        mode: 'C',
        version: 1,
        exportability: 'N',
        keyLength: 16,
      },
      checkValue: new Uint8Array(5),
      modules: { rule: 'all-but', serials: [] },
    }),
    parseLoaderKeyFile,
  ),
  'export counter': cborMap(serializeCounterFile(1), parseCounterFile),
  'PIN rules': cborMap(
    serializePinRules({
      key: 'signing',
      actor: new Uint8Array(16),
      central: new Uint8Array(65),
      nonce: new Uint8Array(16),
    }),
    parsePinRules,
  ),
  'PIN holder': cborMap(
    serializePinHolder({
      id: 'alice',
      salt: new Uint8Array(16),
      cost: { logN: 15, r: 8, p: 3 },
      verifier: new Uint8Array(32),
      triesLeft: 5,
    }),
    parsePinHolder,
  ),
  'PIN request': cborMap(
    serializePinRequest({
      nonce: new Uint8Array(16),
      matter: { action: 'terminate', object: { module: new Uint8Array(8) } },
      requester: 'alice',
      at: 1,
      session: new Uint8Array(16),
    }),
    parsePinRequest,
  ),
  'PIN reset request': cborMap(
    serializePinResetRequest({
      id: 'alice',
      change: 'unlock',
      actor: new Uint8Array(16),
      nonce: new Uint8Array(16),
    }),
    parsePinResetRequest,
  ),
  'sealed key file': byteAt(
    4,
    serializeSealedKeyFile({ nonce: new Uint8Array(12), sealed: new Uint8Array(33) }),
    parseSealedKeyFile,
  ),
  'vault key file': byteAt(
    4,
    serializeVaultKeyFile({
      vaultId: new Uint8Array(16),
      wrapped: {
        cost: { logN: 15, r: 8, p: 3 },
        salt: new Uint8Array(16),
        nonce: new Uint8Array(12),
        sealed: new Uint8Array(48),
      },
    }),
    parseVaultKeyFile,
  ),
  'vault place': json('{"format":1,"place":"passphrase"}\n', parseVaultPlace),
}

for (const [name, { bytes, read, with: as }] of Object.entries(examples) as [FormatName, Example][]) {
  const { newest, oldest } = formats[name]
  test(`${name}: what is there is read, a newer version is refused by its name, version 0 is none`, async () => {
    await read(bytes)
    const newer = `${name}: format version ${newest + 1}, this program knows up to ${newest}`
    await assert.rejects(
      async () => read(as(newest + 1)),
      (error: Refused) => {
        assert.equal(error.code, 'format-newer', error.message)
        assert.ok(error.message.includes(newer), `${error.message}, expected ${newer}`)
        return true
      },
    )
    assert.ok(oldest >= 1)
    await assert.rejects(
      async () => read(as(0)),
      (error: Refused) => {
        assert.ok(['bytes-malformed', 'memory-damaged', 'memory-held'].includes(error.code), error.message)
        return true
      },
    )
  })
}

test('a newer version is seen before anything behind it: of most formats all the rest may be another', async () => {
  for (const name of [
    'mask file',
    'delivery note',
    'module papers',
    'key message file',
    'chip backup',
    'lot order',
  ] as const) {
    const { bytes, read, with: as } = examples[name]
    const newer = as(formats[name].newest + 1).slice(0, bytes.length - 1)
    newer.fill(0xee, 5)
    await assert.rejects(async () => read(newer), { code: 'format-newer' })
  }
})

test('signed documents: a newer version is refused by the name of the document', () => {
  for (const name of Object.keys(documentTypes) as DocumentName[]) {
    const { version } = documentTypes[name]
    const header = encodeCanonical(
      new Map<number, string | number | Uint8Array>([
        [1, -7],
        [3, contentType(name)],
        [4, new Uint8Array(16)],
      ]),
    )
    const document = (v: number): Uint8Array =>
      concat(
        Uint8Array.of(0xd2),
        encodeCanonical([header, new Map(), encodeCanonical({ v, other: true }), new Uint8Array(64).fill(1)]),
      )
    parseDocument(document(version))
    assert.throws(() => parseDocument(document(version + 1)), {
      code: 'format-newer',
      message: `${name}: format version ${version + 1}, this program knows up to ${version}`,
    })
    assert.throws(() => parseDocument(document(0)), { code: 'bytes-malformed' })
  }
})

test('the workspace that this release left is opened by every party that lives in it', async () => {
  for (const party of readdirSync(work).filter((name) => existsSync(join(work, name, 'keys')))) {
    const { status, stderr } = await commandLine(work, ['keys', party])
    assert.equal(status, 0, stderr)
  }
  const { status, stdout } = await commandLine(work, ['log', 'verify'])
  assert.equal(status, 0, stdout)
})
