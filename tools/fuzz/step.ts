import { commands } from '@sealwright/core/catalog'
import type { SecurityLevel } from '@sealwright/core/channel/secure-messaging'
import { bytesFromHex, bytesToHex } from './hex.ts'

/** Which of the module's channels, and with whom. */
export type ChannelChoice = OwnChannel | DomainChannel

export interface OwnChannel {
  readonly channel:
    | 'customization'
    | 'later-customization'
    | 'document'
    | 'personalization'
    | 'central'
    | 'supplier'
  /** Of a supplier's channel. */
  readonly resource?: number
}

/** A channel of the selected security domain (GlobalPlatform). */
export interface DomainChannel {
  readonly channel: 'security-domain'
  readonly protocol: 'scp03' | 'scp11a' | 'scp11b' | 'scp11c'
  /** Key version; of SCP03, 0 is the first set. */
  readonly version: number
  readonly level: SecurityLevel
  /** SCP03 with challenges and MACs of 16 bytes. */
  readonly s16?: boolean
}

/** A command that the fuzzer knows the parts of. */
export interface CommandStep {
  readonly kind: 'command'
  readonly cla: number
  readonly ins: number
  readonly p1: number
  readonly p2: number
  readonly data: Uint8Array
  readonly le?: number
  /** How data that is longer than 255 bytes travels, or shorter data too: extended, or in segments marked by CLA.b5 or P1.b8. */
  readonly form: 'short' | 'extended' | 'class chain' | 'P1 chain'
  /** Protected in the channel that is open; plain when there is none. */
  readonly secured: boolean
  /** IMPORT KEY: the data is what the message says, and the fuzzer seals it for the module as it is (key-message.ts). */
  readonly sealed?: true
  /** A byte of the whole protected command that is changed on its way. */
  readonly tamper?: { readonly at: number; readonly xor: number }
}

/** Bytes as they are on the line. */
export interface WireStep {
  readonly kind: 'wire'
  readonly bytes: Uint8Array
}

export type OpenStep = ChannelChoice & { readonly kind: 'open' }

/** A card reset, or the power taken away and given back. */
export interface PowerStep {
  readonly kind: 'reset' | 'power'
}

export type Step = CommandStep | WireStep | OpenStep | PowerStep

export const forms = ['short', 'extended', 'class chain', 'P1 chain'] as const

/** The catalog's name of an instruction, else its hex. */
export function instructionName(ins: number): string {
  return (
    Object.entries(commands).find(([, row]) => row.ins === ins)?.[0] ??
    ins.toString(16).padStart(2, '0').toUpperCase()
  )
}

export function writeStep(step: Step): unknown {
  switch (step.kind) {
    case 'wire':
      return { wire: bytesToHex(step.bytes) }
    case 'open': {
      const { kind: _, channel, ...rest } = step
      return { open: channel, ...rest }
    }
    case 'reset':
    case 'power':
      return step.kind
    case 'command': {
      const { cla, ins, p1, p2, data, le, form, secured, sealed, tamper } = step
      return {
        command: bytesToHex(Uint8Array.of(cla, ins, p1, p2)),
        name: instructionName(ins),
        ...(data.length === 0 ? {} : { data: bytesToHex(data) }),
        ...(le === undefined ? {} : { le }),
        ...(form === 'short' ? {} : { form }),
        ...(secured ? { secured } : {}),
        ...(sealed === undefined ? {} : { sealed }),
        ...(tamper === undefined ? {} : { tamper }),
      }
    }
    default:
      return step satisfies never
  }
}

export function readStep(value: unknown): Step {
  if (value === 'reset' || value === 'power') return { kind: value }
  const row = value as Record<string, unknown>
  if (typeof row['wire'] === 'string') return { kind: 'wire', bytes: bytesFromHex(row['wire']) }
  if (typeof row['open'] === 'string') {
    const { open, ...rest } = row
    return { kind: 'open', channel: open, ...rest } as OpenStep
  }
  if (typeof row['command'] !== 'string') throw new Error(`no step: ${JSON.stringify(value)}`)
  const [cla = 0, ins = 0, p1 = 0, p2 = 0] = bytesFromHex(row['command'])
  const { le, tamper } = row as { le?: number; tamper?: { at: number; xor: number } }
  return {
    kind: 'command',
    ...{ cla, ins, p1, p2 },
    data: bytesFromHex((row['data'] as string | undefined) ?? ''),
    ...(le === undefined ? {} : { le }),
    form: (row['form'] as CommandStep['form'] | undefined) ?? 'short',
    secured: row['secured'] === true,
    ...(row['sealed'] === true ? { sealed: true } : {}),
    ...(tamper === undefined ? {} : { tamper }),
  }
}
