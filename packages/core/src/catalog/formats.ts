interface FormatRow {
  /** How the bytes begin, before the version. */
  readonly begins: string
  /** The oldest version that is still read, and the newest, which is what is written. */
  readonly oldest: number
  readonly newest: number
  /** Page of the specification, without `.md`. */
  readonly page: string
}

const map = (page: string): FormatRow => ({ begins: 'CBOR map, `v`', oldest: 1, newest: 1, page })
const magic = (begins: string, page: string): FormatRow => ({ begins, oldest: 1, newest: 1, page })

/**
 * Every format of our own that is kept or passed on, with the versions that are read. The name is what refusals call it.
 * A reader looks at the version before anything that the version may have changed (`requireFormatVersion`).
 */
export const formats = {
  'chip file': { begins: '`SWCHIP`', oldest: 1, newest: 2, page: 'memory' },
  'chip key file': magic('`SWCK`', 'memory'),
  'chip backup': magic('`SWCB`', 'memory'),
  EEPROM: magic('`SWEE`', 'memory'),
  'ROM image': magic('`SWRM`, `SWRT`', 'memory'),
  'mask file': magic('`SWMK`', 'customization'),
  'unlocking file': magic('`SWUD`', 'customization'),
  'delivery note': magic('`SWDN`', 'customization'),
  'lot file': magic('`SWLS`', 'customization'),
  'lot order': magic('`SWLO`', 'customization'),
  'lot note': magic('`SWLN`', 'customization'),
  'lot requests': magic('`SWLQ`', 'customization'),
  'lot certificates': magic('`SWLC`', 'customization'),
  'lot book': map('files'),
  'lot images': map('files'),
  credentials: magic('`SWCR`', 'personalization'),
  'outside objects': magic('`SWOO`', 'personalization'),
  'module papers': magic('`SWMP`', 'customization'),
  'identity request': magic('the version', 'customization'),
  'card log entry': magic('the version', 'signing-card'),
  'card log': map('signing-card'),
  'sealed customization key': magic('the version', 'later-customization'),
  'bare certificate': magic('the version', 'personalization'),
  'customization image': magic('the version', 'customization'),
  software: magic('the version', 'customization'),
  'key request file': magic('`SWKR`', 'key-download'),
  'key message file': magic('`SWKM`', 'key-download'),
  'key receipt file': magic('`SWKC`', 'key-download'),
  "customer's card": magic('`SWCC`', 'files'),
  package: map('resources'),
  entries: map('files'),
  passport: map('passport'),
  intent: map('files'),
  personalization: map('files'),
  depersonalization: map('files'),
  'disabled key': map('files'),
  'enrolled unit': map('files'),
  'message numbers': map('files'),
  set: map('files'),
  'registered module': map('files'),
  'operator records': map('files'),
  'approval request': map('approvals'),
  'given approvals': map('files'),
  person: map('files'),
  'ticket count': map('files'),
  'ticket record': map('documents'),
  'log index': map('log'),
  enrolment: map('log'),
  'refused entry': map('log'),
  workspace: { begins: 'JSON, `format`', oldest: 1, newest: 1, page: 'files' },
  'lock file': { begins: 'JSON, `format`', oldest: 1, newest: 1, page: 'files' },
  'change file': { begins: 'JSON, `format`', oldest: 1, newest: 1, page: 'later-customization' },
  'loader key': map('files'),
  'export counter': map('files'),
  'PIN rules': map('files'),
  'PIN holder': map('files'),
  'PIN request': map('files'),
  'PIN reset request': map('files'),
  'secret key file': magic('the version', 'files'),
  'sealed key file': magic('`SWSK`', 'files'),
  'vault key file': magic('`SWVK`', 'files'),
  'vault place': { begins: 'JSON, `format`', oldest: 1, newest: 1, page: 'files' },
} as const satisfies Record<string, FormatRow>

export type FormatName = keyof typeof formats

/** What is kept or passed on without a version of ours, and why: others wrote the format, or it has nothing that could change. */
export const unversioned = {
  'certificates, PEM or DER': 'X.509 has a version of its own',
  'private keys, `.der`': 'PKCS#8 has a version of its own',
  'programs, `.wasm`': 'WebAssembly has a version of its own, and only version 1 is taken',
  checkpoint: 'a signed note of C2SP: another form has another text',
  'keys, fingerprints and serial numbers as text':
    'one line of hexadecimal digits: nothing in it could change',
  'reports, print orders and reasons of discarding':
    'for people, and for spreadsheets; no command reads them',
  traces: 'for people; no command of a party reads them',
} as const
