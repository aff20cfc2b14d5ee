import type { ChipMode, PersonalizationState } from './states.ts'

/**
 * Whose channel a command needs.
 * `none`: no channel; inside one it is protected like every other command.
 * `customization`: SCP03 under keys from unlocking key and serial number.
 * `later-customization`: SCP03 under the chip's own customization key, which only a SAM recovers.
 * `document`: SCP03 under the module's document key.
 * `personalization`: whatever form the product's channel policy takes (channel-forms.ts), or SCP03 under the document key.
 * `central`: SCP11a with the stored central system.
 * `supplier`: SCP11a or GENERAL AUTHENTICATE with the supplier whose key lies in DEF.
 * `security-domain`: SCP03, SCP11a or SCP11c with whoever holds keys of the selected security domain (GlobalPlatform).
 */
export type ChannelNeed =
  | 'none'
  | 'customization'
  | 'later-customization'
  | 'document'
  | 'personalization'
  | 'central'
  | 'supplier'
  | 'security-domain'

export interface CommandRow {
  readonly ins: number
  /** `iso`: class 00 or 80; `own`: class 80. Protected, bit 04 is added. */
  readonly class: 'iso' | 'own'
  /** Number of the ROM's native entry that a vector (program 0) names. */
  readonly entry: number
  readonly modes: readonly ChipMode[]
  /** In user mode, the personalization states; absent: both. */
  readonly states?: readonly PersonalizationState[]
  readonly channel: ChannelNeed
  /** Spoken by the apparatus on the spot: may come unprotected while a channel is open, and leaves it open. */
  readonly local?: true
  /** P1.b8 says that more segments of the same command follow (GlobalPlatform 2.3.1, 11.1.5.1). */
  readonly chainedByP1?: true
  /** Changes content, keys or data of a security domain: not while the card, or that domain, is locked (GlobalPlatform 2.3.1, 5.1.1.4). */
  readonly managesContent?: true
  readonly purpose: string
}

const all: readonly ChipMode[] = ['issuer', 'customization', 'user', 'terminated']
const alive: readonly ChipMode[] = ['issuer', 'customization', 'user']
const customization: readonly ChipMode[] = ['customization']
const user: readonly ChipMode[] = ['user']
const identified: readonly ChipMode[] = ['customization', 'user']
const awaiting = ['awaiting-personalization'] as const
const operating = ['operating'] as const

/** Every native command of the module. The dispatcher, help, SPEC tables and traces are produced from it. */
export const commands = {
  SELECT: {
    ins: 0xa4,
    class: 'iso',
    entry: 0x01,
    modes: identified,
    channel: 'none',
    purpose: 'select the issuer security domain or an application by its AID',
  },
  'INITIALIZE UPDATE': {
    ins: 0x50,
    class: 'own',
    entry: 0x02,
    modes: identified,
    channel: 'none',
    purpose: 'begin an SCP03 channel',
  },
  'EXTERNAL AUTHENTICATE': {
    ins: 0x82,
    class: 'own',
    entry: 0x03,
    modes: identified,
    channel: 'none',
    purpose: 'end the set-up of an SCP03 channel, or (MUTUAL AUTHENTICATE) set up SCP11a',
  },
  'INTERNAL AUTHENTICATE': {
    ins: 0x88,
    class: 'own',
    entry: 0x04,
    modes: user,
    channel: 'none',
    purpose: 'set up SCP11b: the module proves who it is',
  },
  'GENERAL AUTHENTICATE': {
    ins: 0x86,
    class: 'own',
    entry: 0x06,
    modes: user,
    channel: 'none',
    purpose: 'set up a channel by Diffie-Hellman, alone or with signatures of both sides',
  },
  'GET DATA': {
    ins: 0xca,
    class: 'iso',
    entry: 0x05,
    modes: identified,
    channel: 'none',
    purpose: 'read serial number, state and certificates',
  },

  'CHIP STATUS': {
    ins: 0x30,
    class: 'own',
    entry: 0x10,
    modes: all,
    channel: 'none',
    purpose: 'mode, serial number, tries left, OTP',
  },
  'SELF TEST': {
    ins: 0x32,
    class: 'own',
    entry: 0x11,
    modes: alive,
    channel: 'none',
    purpose: 'electrical self-test',
  },
  'WRITE SERIAL': {
    ins: 0x34,
    class: 'own',
    entry: 0x12,
    modes: ['issuer'],
    channel: 'none',
    purpose: 'write the serial number, once',
  },
  UNLOCK: {
    ins: 0x36,
    class: 'own',
    entry: 0x13,
    modes: ['issuer', 'customization'],
    channel: 'none',
    purpose: 'decrypt the customization software with unlocking key and hash',
  },
  FINISH: {
    ins: 0x3a,
    class: 'own',
    entry: 0x14,
    modes: customization,
    channel: 'customization',
    purpose: 'erase the customization software and enter user mode',
  },
  'MAKE IDENTITY': {
    ins: 0x3c,
    class: 'own',
    entry: 0x15,
    modes: customization,
    channel: 'customization',
    purpose: 'make the identity key pair',
  },
  'STORE IDENTITY': {
    ins: 0x3e,
    class: 'own',
    entry: 0x16,
    modes: customization,
    channel: 'customization',
    purpose: 'store the certificate of the identity key',
  },
  'PUT CUSTOMIZATION KEY': {
    ins: 0x40,
    class: 'own',
    entry: 0x17,
    modes: customization,
    channel: 'customization',
    purpose: 'store the key for later customization, as a SAM sealed it for this chip',
  },
  CUSTOMIZE: {
    ins: 0x42,
    class: 'own',
    entry: 0x18,
    modes: user,
    channel: 'later-customization',
    purpose: 'write code and data in user mode',
  },

  BEGIN: {
    ins: 0x4a,
    class: 'own',
    entry: 0x20,
    modes: user,
    states: awaiting,
    channel: 'personalization',
    purpose: 'make the operating key pair; the identity key signs it',
  },
  COMPLETE: {
    ins: 0x4c,
    class: 'own',
    entry: 0x21,
    modes: user,
    states: awaiting,
    channel: 'personalization',
    purpose: 'check and store the certificates; the module becomes operating',
  },
  'PROVE CREDENTIAL': {
    ins: 0x18,
    class: 'own',
    entry: 0x23,
    modes: user,
    states: awaiting,
    channel: 'personalization',
    purpose: 'show that the module has the credential that its customer made for it',
  },
  DEPERSONALIZE: {
    ins: 0x16,
    class: 'own',
    entry: 0x22,
    modes: user,
    states: operating,
    channel: 'central',
    purpose: 'erase what personalization gave; the module awaits personalization again',
  },

  'TAKE TRANSFER': {
    ins: 0x06,
    class: 'own',
    entry: 0x26,
    modes: user,
    states: awaiting,
    channel: 'none',
    purpose: 'take the release of the customer that the module belongs to, to another one',
  },
  'PRESENT OBJECT': {
    ins: 0x7a,
    class: 'own',
    entry: 0x25,
    modes: user,
    states: operating,
    channel: 'none',
    local: true,
    purpose: 'lay a certificate or key that is kept outside before the module, which has its hash',
  },

  PREPARE: {
    ins: 0x54,
    class: 'own',
    entry: 0x30,
    modes: user,
    states: operating,
    channel: 'none',
    local: true,
    purpose: 'give serial number and a fresh random number R',
  },
  'EXPORT KEY': {
    ins: 0x56,
    class: 'own',
    entry: 0x31,
    modes: user,
    channel: 'document',
    purpose: 'loader: encrypt an application key for one module',
  },
  'IMPORT KEY': {
    ins: 0x58,
    class: 'own',
    entry: 0x32,
    modes: user,
    states: operating,
    channel: 'none',
    local: true,
    purpose: 'take an application key',
  },
  'GET RECEIPT': {
    ins: 0x5a,
    class: 'own',
    entry: 0x33,
    modes: user,
    channel: 'none',
    local: true,
    purpose: 'repeat the receipt of a key',
  },
  'VERIFY RECEIPT': {
    ins: 0x5c,
    class: 'own',
    entry: 0x34,
    modes: user,
    channel: 'document',
    purpose: 'loader: check the receipt of a module',
  },
  'PUT TRANSPORT KEY': {
    ins: 0x5e,
    class: 'own',
    entry: 0x35,
    modes: user,
    channel: 'document',
    purpose: 'install or replace the transport key',
  },
  'MAKE SET': {
    ins: 0x72,
    class: 'own',
    entry: 0x36,
    modes: user,
    channel: 'document',
    purpose: 'loader: enter a set with its transport key',
  },
  'MAKE KEY': {
    ins: 0x74,
    class: 'own',
    entry: 0x37,
    modes: user,
    channel: 'document',
    purpose: 'loader: make an application key',
  },
  'LIST KEYS': {
    ins: 0x76,
    class: 'own',
    entry: 0x38,
    modes: user,
    channel: 'document',
    purpose: 'loader: list sets and keys by their check values',
  },

  OPERATE: {
    ins: 0xa6,
    class: 'own',
    entry: 0x40,
    modes: user,
    states: operating,
    channel: 'none',
    local: true,
    purpose: 'carry out a document signed by an operator: reserve, block, release, delete',
  },
  'LOAD MANIFEST': {
    ins: 0xa8,
    class: 'own',
    entry: 0x41,
    modes: user,
    states: operating,
    channel: 'supplier',
    purpose: 'begin to load a package',
  },
  'LOAD BLOCK': {
    ins: 0xaa,
    class: 'own',
    entry: 0x42,
    modes: user,
    states: operating,
    channel: 'supplier',
    purpose: 'load one block of a package',
  },
  'LOAD SWITCH': {
    ins: 0xac,
    class: 'own',
    entry: 0x43,
    modes: user,
    states: operating,
    channel: 'supplier',
    purpose: 'put the loaded package in the place of the old one',
  },

  'PASSPORT HEAD': {
    ins: 0xb4,
    class: 'own',
    entry: 0x50,
    modes: identified,
    channel: 'none',
    local: true,
    purpose: "sign event number and chain with the caller's nonce",
  },
  'GET EVENTS': {
    ins: 0xb6,
    class: 'own',
    entry: 0x51,
    modes: identified,
    channel: 'none',
    local: true,
    purpose: 'read events from a number on',
  },

  'REQUEST PAYMENT': {
    ins: 0xc4,
    class: 'own',
    entry: 0x60,
    modes: user,
    states: operating,
    channel: 'none',
    local: true,
    purpose: 'cash machine: lay a payment before the central system',
  },
  'FETCH PAYMENT': {
    ins: 0xc6,
    class: 'own',
    entry: 0x61,
    modes: user,
    states: operating,
    channel: 'central',
    purpose: 'central system: read the payment asked for',
  },
  'GRANT PAYMENT': {
    ins: 0xc8,
    class: 'own',
    entry: 0x62,
    modes: user,
    states: operating,
    channel: 'central',
    purpose: 'central system: order the payment',
  },
  'PAYMENT OUTCOME': {
    ins: 0xcc,
    class: 'own',
    entry: 0x63,
    modes: user,
    states: operating,
    channel: 'none',
    local: true,
    purpose: 'cash machine: learn whether to pay, once',
  },

  'PUT LIMITED KEY': {
    ins: 0x1a,
    class: 'own',
    entry: 0x64,
    modes: user,
    states: operating,
    channel: 'central',
    purpose: 'central system: give a symmetric key until a date, or for so many uses',
  },
  'TELL TIME': {
    ins: 0x1c,
    class: 'own',
    entry: 0x65,
    modes: user,
    states: operating,
    channel: 'central',
    purpose: 'central system: tell its time; keys whose date has passed are erased',
  },
  'MESSAGE CODE': {
    ins: 0x1e,
    class: 'own',
    entry: 0x66,
    modes: user,
    states: operating,
    channel: 'none',
    local: true,
    purpose: 'cash machine: protect or check a message under a limited key',
  },

  'PERFORM SECURITY OPERATION': {
    ins: 0x2a,
    class: 'own',
    entry: 0x70,
    modes: user,
    channel: 'none',
    chainedByP1: true,
    purpose: 'SCP11a and c: check a certificate of the off-card entity',
  },
  'PUT KEY': {
    ins: 0xd8,
    class: 'own',
    entry: 0x71,
    modes: user,
    channel: 'security-domain',
    chainedByP1: true,
    managesContent: true,
    purpose: 'add or replace keys of the security domain',
  },
  'GENERATE KEY': {
    ins: 0xf1,
    class: 'own',
    entry: 0x72,
    modes: user,
    channel: 'security-domain',
    managesContent: true,
    purpose: 'make a key pair of the security domain in the module',
  },
  'STORE DATA': {
    ins: 0xe2,
    class: 'iso',
    entry: 0x73,
    modes: user,
    channel: 'security-domain',
    managesContent: true,
    purpose: 'store identifications, certificates and lists of the security domain',
  },
  'GET STATUS': {
    ins: 0xf2,
    class: 'own',
    entry: 0x74,
    modes: user,
    channel: 'security-domain',
    purpose: 'list security domains, applications and load files',
  },
  'SET STATUS': {
    ins: 0xf0,
    class: 'own',
    entry: 0x75,
    modes: user,
    channel: 'security-domain',
    purpose: 'move the life cycle state of card, security domain or application',
  },
  INSTALL: {
    ins: 0xe6,
    class: 'own',
    entry: 0x76,
    modes: user,
    channel: 'security-domain',
    chainedByP1: true,
    managesContent: true,
    purpose: 'install a load file, an application or a security domain',
  },
  LOAD: {
    ins: 0xe8,
    class: 'own',
    entry: 0x77,
    modes: user,
    channel: 'security-domain',
    managesContent: true,
    purpose: 'load one block of a load file',
  },
  DELETE: {
    ins: 0xe4,
    class: 'own',
    entry: 0x78,
    modes: user,
    channel: 'security-domain',
    chainedByP1: true,
    managesContent: true,
    purpose: 'delete keys, an application, a security domain or a load file',
  },

  'MAKE MASTER KEY': {
    ins: 0x4e,
    class: 'own',
    entry: 0x80,
    modes: user,
    channel: 'document',
    purpose: 'SAM: make the master key under which customization keys of chips are sealed',
  },
  'SEAL CUSTOMIZATION KEY': {
    ins: 0x52,
    class: 'own',
    entry: 0x81,
    modes: user,
    channel: 'document',
    purpose: 'SAM: make the customization key of a chip, sealed for the SAM and for the chip',
  },
  'BEGIN SESSION': {
    ins: 0x7c,
    class: 'own',
    entry: 0x82,
    modes: user,
    channel: 'document',
    purpose: 'SAM: give the host challenge of a session with a chip',
  },
  'SESSION KEYS': {
    ins: 0x7e,
    class: 'own',
    entry: 0x83,
    modes: user,
    channel: 'document',
    purpose: "SAM: recover a chip's customization key and give the keys of this session",
  },

  'MAKE UNIT KEY': {
    ins: 0x8a,
    class: 'own',
    entry: 0x90,
    modes: user,
    channel: 'document',
    purpose: "signing card: make the unit's key for one central system, and ask for its certificate",
  },
  'STORE UNIT CERTIFICATE': {
    ins: 0x8c,
    class: 'own',
    entry: 0x91,
    modes: user,
    channel: 'none',
    purpose: "signing card: store the manufacturer's certificate of the unit's key",
  },
  ADMINISTER: {
    ins: 0x8e,
    class: 'own',
    entry: 0x92,
    modes: user,
    channel: 'none',
    purpose:
      'signing card: take a document of the central system: roster, ticket, acknowledgement of the log',
  },
  'ORDER CERTIFICATE': {
    ins: 0xae,
    class: 'own',
    entry: 0x93,
    modes: user,
    channel: 'none',
    purpose: 'signing card: give the data of BEGIN for the module that is ordered',
  },
  'ISSUE CERTIFICATE': {
    ins: 0xce,
    class: 'own',
    entry: 0x94,
    modes: user,
    channel: 'none',
    purpose: 'signing card: check module, BEGIN, approvals and ticket, and certify the operating key',
  },
  'READ LOG': {
    ins: 0x78,
    class: 'own',
    entry: 0x95,
    modes: user,
    channel: 'none',
    purpose: 'signing card: read the next entry of its log from a number on',
  },
} as const satisfies Record<string, CommandRow>

export type CommandName = keyof typeof commands

/** What GlobalPlatform's tools need besides the commands that every module has. */
export const cardManagement = [
  'PERFORM SECURITY OPERATION',
  'PUT KEY',
  'GENERATE KEY',
  'STORE DATA',
  'GET STATUS',
  'SET STATUS',
  'INSTALL',
  'LOAD',
  'DELETE',
] as const satisfies readonly CommandName[]

/** What a module in user mode may answer while it awaits personalization, where its product has the command at all (B20). */
export function answeredUnpersonalized(): CommandName[] {
  return (Object.keys(commands) as CommandName[]).filter((name) => {
    const { modes, states }: CommandRow = commands[name]
    return modes.includes('user') && (states === undefined || states.includes('awaiting-personalization'))
  })
}

/** Commands by the ROM's native entry number. */
export const commandByEntry: ReadonlyMap<number, CommandName> = new Map(
  Object.entries(commands).map(([name, row]) => [row.entry, name as CommandName]),
)

/** Instructions that are programs', not native: named here so that traces and the SPEC can speak of them. */
export const programInstructions = {
  WRITE: { ins: 0x38, purpose: 'customization software: store code and data' },
  'PRODUCT INFO': {
    ins: 0xd4,
    purpose: 'user command masked incomplete, completed by the additional software',
  },
  CREDIT: { ins: 0xb8, purpose: "loyalty program: credit points to a customer's card" },
  DEBIT: { ins: 0xba, purpose: "loyalty program: debit points from a customer's card" },
  TOTALS: { ins: 0xbc, purpose: 'loyalty program: what was credited and debited so far' },
  'CHECK LINE': { ins: 0xbe, purpose: 'masked command that an update may replace: check sum of the data' },
} as const
