import { Reader, Writer } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'

/** Privileges of applications and security domains (GPC 2.3.1, 6.6.1 and tables 11-7 to 11-9); bits of three bytes. */
export const privileges = {
  'security-domain': { bit: 0x80_0000, meaning: 'is a security domain' },
  'dap-verification': { bit: 0x40_0000, meaning: 'checks the signature of load files, where one is given' },
  'delegated-management': { bit: 0x20_0000, meaning: 'manages content with tokens of the issuer' },
  'card-lock': { bit: 0x10_0000, meaning: 'may lock the card' },
  'card-terminate': { bit: 0x08_0000, meaning: 'may terminate the card' },
  'card-reset': { bit: 0x04_0000, meaning: 'is selected after reset and writes the historical bytes' },
  'cvm-management': { bit: 0x02_0000, meaning: 'manages the global PIN' },
  'mandated-dap-verification': { bit: 0x01_0000, meaning: 'checks the signature of every load file' },
  'trusted-path': { bit: 0x00_8000, meaning: 'passes data between applications' },
  'authorized-management': { bit: 0x00_4000, meaning: 'manages content without tokens' },
  'token-verification': { bit: 0x00_2000, meaning: 'checks tokens' },
  'global-delete': { bit: 0x00_1000, meaning: 'may delete any content' },
  'global-lock': { bit: 0x00_0800, meaning: 'may lock any application' },
  'global-registry': { bit: 0x00_0400, meaning: 'sees all entries of the registry' },
  'final-application': { bit: 0x00_0200, meaning: 'stays the one application when the card is locked' },
  'global-service': { bit: 0x00_0100, meaning: 'offers services to all applications' },
  'receipt-generation': { bit: 0x00_0080, meaning: 'makes receipts of content management' },
  'ciphered-load-file-data-block': { bit: 0x00_0040, meaning: 'takes load files that are encrypted' },
  'contactless-activation': { bit: 0x00_0020, meaning: 'switches applications on the contactless interface' },
  'contactless-self-activation': { bit: 0x00_0010, meaning: 'switches itself on the contactless interface' },
} as const satisfies Record<string, { bit: number; meaning: string }>

export type Privilege = keyof typeof privileges

/** Privileges as they stand in a command or an answer. */
export interface Privileges {
  /** One byte holds the first eight privileges only. */
  readonly length: 1 | 3
  /** In the order of the table, each once. */
  readonly names: readonly Privilege[]
}

const all = Object.keys(privileges) as Privilege[]

/** Bits that no privilege has. */
const reserved = 0x00_000f

/** Parses one or three bytes; a reserved bit is a DecodeError. */
export function parsePrivileges(bytes: Uint8Array): Privileges {
  const r = new Reader(bytes, 'privileges')
  if (bytes.length !== 1 && bytes.length !== 3) throw r.fail(`expected 1 or 3 bytes, ${bytes.length} came`)
  const bits = bytes.length === 1 ? r.u8('bits') << 16 : r.u24('bits')
  if ((bits & reserved) !== 0) throw new DecodeError('privileges: a reserved bit is set')
  return { length: bytes.length, names: all.filter((name) => (bits & privileges[name].bit) !== 0) }
}

/** A privilege that one byte cannot hold is a UsageError. */
export function serializePrivileges({ length, names }: Privileges): Uint8Array {
  const bits = names.reduce((sum, name) => sum | privileges[name].bit, 0)
  if (length === 3) return new Writer().u24(bits).finish()
  if ((bits & 0xffff) !== 0) throw new UsageError('one byte cannot hold these privileges')
  return Uint8Array.of(bits >>> 16)
}

/** Three bytes with these privileges, ordered as in the table. */
export function privilegesOf(...names: readonly Privilege[]): Privileges {
  return { length: 3, names: all.filter((name) => names.includes(name)) }
}

export function hasPrivilege({ names }: Privileges, name: Privilege): boolean {
  return names.includes(name)
}
