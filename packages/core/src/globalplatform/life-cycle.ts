import { DecodeError } from '../errors/index.ts'

interface StateRow {
  readonly code: number
  readonly next: readonly string[]
  readonly meaning: string
}

/** Life cycle of the card, which is the issuer security domain's state too (GPC 2.3.1, 5.1.1 and table 11-6). */
export const cardStates = {
  'op-ready': { code: 0x01, next: ['initialized', 'terminated'], meaning: 'ready for its issuer' },
  initialized: { code: 0x07, next: ['secured', 'terminated'], meaning: 'holds initial data; not yet issued' },
  secured: { code: 0x0f, next: ['card-locked', 'terminated'], meaning: 'issued and in use' },
  'card-locked': {
    code: 0x7f,
    next: ['secured', 'terminated'],
    meaning: 'only the issuer security domain and the final application can be selected',
  },
  terminated: { code: 0xff, next: [], meaning: 'for ever out of use' },
} as const satisfies Record<string, StateRow>

export type CardState = keyof typeof cardStates

/** Life cycle of an application (GPC 2.3.1, 5.3.1 and table 11-4). Locked is a bit beside it. */
export const applicationStates = {
  installed: { code: 0x03, next: ['selectable'], meaning: 'linked and given memory; not selectable' },
  selectable: { code: 0x07, next: ['specific'], meaning: 'can be selected' },
  specific: { code: 0x0f, next: ['specific'], meaning: 'a state of its own: bits 4 to 7 as it likes' },
} as const satisfies Record<string, StateRow>

/** Life cycle of a security domain (GPC 2.3.1, 5.3.2 and table 11-5). Locked is a bit beside it. */
export const domainStates = {
  installed: { code: 0x03, next: ['selectable'], meaning: 'an entry of the registry; not selectable' },
  selectable: { code: 0x07, next: ['personalized'], meaning: 'can be selected; has no keys of its own' },
  personalized: { code: 0x0f, next: [], meaning: 'has the keys and data that it needs' },
} as const satisfies Record<string, StateRow>

/** Life cycle of a load file (GPC 2.3.1, 5.2 and table 11-3). */
export const loadFileStates = {
  loaded: { code: 0x01, next: [], meaning: 'can be installed from' },
} as const satisfies Record<string, StateRow>

export type ApplicationStateName = keyof typeof applicationStates
export type DomainStateName = keyof typeof domainStates

export interface ApplicationState {
  readonly name: ApplicationStateName
  readonly locked: boolean
  /** The byte without the locked bit. */
  readonly code: number
}

export interface DomainState {
  readonly name: DomainStateName
  readonly locked: boolean
  readonly code: number
}

export const lockedBit = 0x80

/** The state of one byte; a code that stands for none is a DecodeError. */
export function parseCardState(code: number): CardState {
  const name = (Object.keys(cardStates) as CardState[]).find((one) => cardStates[one].code === code)
  if (!name) throw new DecodeError(`card state: no state has the code ${hex(code)}`)
  return name
}

/** Bits 1 to 3 are set from SELECTABLE on; what lies above them belongs to the application. */
export function parseApplicationState(byte: number): ApplicationState {
  const { code, locked } = split(byte)
  if (code === 0x03) return { name: 'installed', locked, code }
  if (code === 0x07) return { name: 'selectable', locked, code }
  if ((code & 0x07) === 0x07) return { name: 'specific', locked, code }
  throw new DecodeError(`application state: no state has the code ${hex(byte)}`)
}

export function parseDomainState(byte: number): DomainState {
  const { code, locked } = split(byte)
  const name = (Object.keys(domainStates) as DomainStateName[]).find((one) => domainStates[one].code === code)
  if (!name) throw new DecodeError(`security domain state: no state has the code ${hex(byte)}`)
  return { name, locked, code }
}

export function serializeState(state: ApplicationState | DomainState): number {
  return state.code | (state.locked ? lockedBit : 0)
}

/** Whether SET STATUS may lead from one state of the card to another. */
export function cardMayBecome(from: CardState, to: CardState): boolean {
  return (cardStates[from].next as readonly string[]).includes(to)
}

function split(byte: number): { code: number; locked: boolean } {
  if (!Number.isInteger(byte) || byte < 0 || byte > 0xff) throw new DecodeError('state: expected one byte')
  return { code: byte & ~lockedBit, locked: (byte & lockedBit) !== 0 }
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}
