import { ascii, encodeHex, equal } from '@sealwright/core/bytes'
import { type CborValue, decodeCanonical, parseDocument } from '@sealwright/core/cbor'
import {
  isTestMask,
  parseDeliveryNote,
  parseMaskFile,
  parseModulePapers,
  parseUnlockingFile,
  romMagics,
} from '@sealwright/core/customization'
import { DecodeError } from '@sealwright/core/errors'
import { parsePassport } from '@sealwright/core/log'
import { parseApprovalRequest } from '@sealwright/core/people'
import { parseCertificate } from '@sealwright/core/x509'
import { checkProgram, defaultLimits, ProgramRefused } from '@sealwright/module/program'
import { parseRom } from '@sealwright/module/rom'
import { chipHeaderLength, describeChipHeader } from '@sealwright/node/medium'
import { parseEntriesFile } from '@sealwright/roles/custody'
import { explainCardLog } from './card-log.ts'
import { explainCbor, explainDocument, explainRequest } from './documents.ts'
import type { Explanation } from './explanation.ts'
import { keyDownloadFormats } from './key-download.ts'
import { explainCertificate, explainPrivateKey, explainSecret, isSecretFile } from './keys.ts'
import { explainText } from './texts.ts'
import { explainPinHolder, explainPinRequest, explainSealedKey, explainVaultKey } from './vaults.ts'
import { explainWire } from './wire.ts'

/** Explains bytes by what they begin with; what has no beginning of its own is tried as an APDU, then as BER-TLV. */
export function explain(bytes: Uint8Array): Explanation {
  for (const { magic, read } of formats) {
    if (equal(bytes.subarray(0, magic.length), magic)) return read(bytes)
  }
  if (isSecretFile(bytes)) return explainSecret()
  return explainText(bytes) ?? explainStructure(bytes) ?? explainWire(bytes)
}

const formats: readonly { readonly magic: Uint8Array; readonly read: (bytes: Uint8Array) => Explanation }[] =
  [
    {
      magic: ascii('SWCHIP'),
      read(bytes) {
        const { version, geometry, chipId } = describeChipHeader(bytes.subarray(0, chipHeaderLength))
        const { pageSize, otpPages, eepromPages, journalPages, romPages } = geometry
        const sizes = {
          eeprom: eepromPages * pageSize,
          rom: romPages * pageSize,
          journal: journalPages * pageSize,
          otp: otpPages * pageSize,
        }
        const sealed = chipId === undefined ? 'not sealed: a command that opens it makes it new' : 'sealed'
        return {
          kind: 'chip file',
          json: { version, ...(chipId === undefined ? {} : { chip: chipId }), pageSize, ...sizes },
          lines: [
            `format version ${version}, ${sealed}`,
            ...(chipId === undefined ? [] : [`chip ${encodeHex(chipId).toLowerCase()}`]),
            ...Object.entries(sizes).map(([area, size]) => `${area} ${size} bytes, pages of ${pageSize}`),
            'what the module says of itself: `sealwright module show --module FILE`',
            'whether every page holds: `sealwright module verify FILE`',
          ],
        }
      },
    },
    { magic: ascii('SWVK'), read: explainVaultKey },
    { magic: ascii('SWSK'), read: explainSealedKey },
    {
      magic: ascii('SWMK'),
      read(bytes) {
        const { version, eepromSize, rom, eeprom } = parseMaskFile(bytes)
        const pages = eeprom.map(({ number }) => number)
        return {
          kind: 'mask file',
          json: { version, eepromSize, romLength: rom.length, pages, test: isTestMask({ rom }) },
          lines: [
            ...(isTestMask({ rom }) ? ['for test modules'] : []),
            `format ${version}, for chips with ${eepromSize} bytes of EEPROM`,
            `ROM image of ${rom.length} bytes`,
            `${pages.length} pages of EEPROM; the customization software among them is encrypted`,
          ],
        }
      },
    },
    ...Object.values(romMagics).map((magic) => ({
      magic,
      read(bytes: Uint8Array) {
        const { test, eepromSize, clientKey, nativeEntries, programs, bootVectors } = parseRom(bytes)
        return {
          kind: 'ROM image',
          json: { eepromSize, clientKey, nativeEntries, bootVectors, test },
          lines: [
            ...(test ? ['for test modules'] : []),
            `for chips with ${eepromSize} bytes of EEPROM`,
            `client's public key ${encodeHex(clientKey)}`,
            `${nativeEntries.length} native entries, ${bootVectors.length} boot vectors`,
            ...programs.map(
              ({ id, name, address, code }) => `program ${id} ${name}: ${code.length} bytes at ${address}`,
            ),
          ],
        }
      },
    })),
    {
      magic: ascii('SWDN'),
      read(bytes) {
        const { romDigest, imageDigest } = parseDeliveryNote(bytes)
        return {
          kind: 'delivery note',
          json: { romDigest, imageDigest },
          lines: [`ROM ${encodeHex(romDigest)}`, `encrypted image ${encodeHex(imageDigest)}`],
        }
      },
    },
    {
      magic: ascii('SWUD'),
      read(bytes) {
        const { romDigest, form, unlocking } = parseUnlockingFile(bytes)
        for (const secret of Object.values(unlocking)) if (secret instanceof Uint8Array) secret.fill(0)
        return {
          kind: 'unlocking file',
          json: { romDigest, form, secret: true },
          lines: [
            'secret: unlocking key and hash are not shown',
            `for the ROM ${encodeHex(romDigest)}`,
            `form ${form}`,
          ],
        }
      },
    },
    {
      magic: ascii('SWMP'),
      read(bytes) {
        const { serial, product, documentKey } = parseModulePapers(bytes)
        documentKey.fill(0)
        return {
          kind: 'papers of a module',
          json: { serial, product, secret: true },
          lines: [
            'secret: the document key is not shown',
            `module ${encodeHex(serial)}`,
            `product ${product}`,
          ],
        }
      },
    },
    ...keyDownloadFormats,
    {
      magic: Uint8Array.of(0x00, 0x61, 0x73, 0x6d),
      read: explainProgram,
    },
  ]

/** A program as the module sees it before it runs one. */
function explainProgram(bytes: Uint8Array): Explanation {
  const kind = 'WebAssembly program'
  try {
    const program = checkProgram(bytes, defaultLimits)
    const imports = program.imports.map((one) =>
      one.kind === 'interface' ? `${one.interface}.${one.function}` : `added.${one.function}`,
    )
    const exports = program.exports.map(({ name }) => name)
    return {
      kind,
      json: { imports, exports },
      lines: [`imports ${imports.join(' ') || 'nothing'}`, `exports ${exports.join(' ') || 'nothing'}`],
    }
  } catch (error) {
    if (!(error instanceof ProgramRefused)) throw error
    return { kind, json: { refused: error.message }, lines: [`no module takes it: ${error.message}`] }
  }
}

function explainStructure(bytes: Uint8Array): Explanation | undefined {
  if (bytes[0] === 0xd2) return explainDocument(parseDocument(bytes))
  if (bytes[0] === 0x30)
    return attempt(() => explainPrivateKey(bytes)) ?? attempt(() => explainCertificate(bytes))
  const value = attempt(() => decodeCanonical(bytes))
  if (!(value instanceof Map)) return undefined
  const format = value.get('format')
  if (format === 'sealwright passport') return explainPassport(bytes)
  if (format === 'sealwright entries') return explainEntries(bytes)
  if (format === 'sealwright card log') return explainCardLog(bytes)
  if (format === 'sealwright approval request') {
    const request = parseApprovalRequest(bytes)
    return {
      kind: 'approval request',
      json: { ...request },
      lines: ['what two people are asked for; nobody has signed it', ...explainRequest(request)],
    }
  }
  if (format === 'sealwright PIN holder') return explainPinHolder(bytes)
  if (format === 'sealwright PIN request') return explainPinRequest(bytes)
  return typeof format === 'string' ? explainNamed(format, value) : undefined
}

function explainPassport(bytes: Uint8Array): Explanation {
  const { serial, entries, checkpoint, head, parties, chain } = parsePassport(bytes)
  const inside = entries.map(({ document }) => explainDocument(parseDocument(document)))
  return {
    kind: 'passport',
    json: { serial, entries: inside.map(({ json }) => json), checkpoint, head, parties: parties.length },
    lines: [
      `module ${encodeHex(serial)}`,
      `${entries.length} entries by ${parties.length} signers`,
      ...inside.map(({ json }) => `  ${json['number']} ${json['event']} (${json['party']})`),
      checkpoint === undefined
        ? 'no checkpoint'
        : `checkpoint ${checkpoint.split('\n').slice(0, 2).join(' ')}`,
      ...(chain.some((one) => parseCertificate(one).test) ? ['of a test module'] : []),
      head === undefined
        ? "no statement of the module's own"
        : `the module's own statement: event ${head.number}, ${head.key} key, ${chain.length} certificates`,
      'nothing was checked here',
    ],
  }
}

function explainEntries(bytes: Uint8Array): Explanation {
  const inside = parseEntriesFile(bytes).map((document) => explainDocument(parseDocument(document)))
  return {
    kind: 'entries for the log',
    json: { entries: inside.map(({ json }) => json) },
    lines: inside.map(
      ({ json }) => `${json['serial']} ${json['number']} ${json['event']} (${json['party']})`,
    ),
  }
}

function explainNamed(format: string, value: CborValue): Explanation {
  return { kind: format, json: {}, lines: explainCbor(value) }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
