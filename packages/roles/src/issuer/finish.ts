import { encodeHex } from '@sealwright/core/bytes'
import { parseChipStatus } from '@sealwright/core/customization'
import { AuthError, StateError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { type Anchor, type Certificate, checkPath, parseCertificate } from '@sealwright/core/x509'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { moduleStep } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { lotRootName } from './lots.ts'
import { inCustomizationChannel, manufacturerRootName } from './masks.ts'

export interface FinishInput {
  /** The name of the mask, or of the lot. */
  readonly mask: string
  /** The module's identity certificate from the manufacturer, DER. Absent only for products of identical modules. */
  readonly certificate?: Uint8Array
  /** The manufacturer's root that the chip was customized with, where the caller has it at hand. */
  readonly root?: Certificate | Anchor
}

export interface Finished {
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** The chip was in user mode already. */
  readonly already: boolean
  readonly entries: readonly LogEntry[]
}

/**
 * Stores the identity certificate, erases the customization software and blows the fuse. Irreversible. A certificate that does not hold
 * is an AuthError whose details name the reason, before anything is sent. A chip in user mode stays as it is.
 */
export async function finish(ports: PartyPorts, transport: Transport, input: FinishInput): Promise<Finished> {
  // A run that was broken off may have left a chain of segments that takes the next command with it.
  await endChannel(transport)
  const { result, entries } = await moduleStep(ports, plain(transport), {
    name: 'issuer finish',
    types: ['identity-certified', 'finished'],
    run: () => finishChip(ports, transport, input),
  })
  return { ...result, entries }
}

/** The step itself, without intent and entries. */
export async function finishChip(
  ports: PartyPorts,
  transport: Transport,
  input: FinishInput,
): Promise<Omit<Finished, 'entries'>> {
  const channel = plain(transport)
  const { serial, mode, imageIv } = parseChipStatus(await channel.send('CHIP STATUS'))
  if (serial !== undefined && mode === 'user') return { serial, already: true }
  if (serial === undefined || mode !== 'customization') {
    throw new StateError(`the chip is in ${mode} mode, expected customization`)
  }
  const { mask, certificate } = input
  if (certificate !== undefined) {
    const anchor = input.root ?? (await rootOf(ports, mask, serial))
    requireCertificate(ports, anchor, serial, certificate)
  }
  await inCustomizationChannel(ports, transport, { mask, serial, imageIv }, (protectedBy) =>
    finishIn(protectedBy, certificate),
  )
  return { serial, already: false }
}

/** Stores the certificate, if there is one, and ends customization, inside its channel. */
export async function finishIn(channel: Channel, certificate: Uint8Array | undefined): Promise<void> {
  if (certificate !== undefined) await channel.send('STORE IDENTITY', { data: certificate })
  await channel.send('FINISH')
}

async function rootOf({ store }: PartyPorts, mask: string, serial: Uint8Array): Promise<Certificate> {
  const root = (await store.read(manufacturerRootName(serial))) ?? (await store.read(lotRootName(mask)))
  if (root === undefined) throw new StateError(`the module ${encodeHex(serial)} was not customized here`)
  return parseCertificate(root)
}

/** AuthError whose details name the reason, unless the certificate is the root's for this module. */
export function requireCertificate(
  { clock, crypto }: PartyPorts,
  anchor: Certificate | Anchor,
  serial: Uint8Array,
  certificate: Uint8Array,
): void {
  const result = checkPath(
    {
      chain: [parseCertificate(certificate)],
      anchor,
      role: 'module-identity',
      at: clock.now(),
      serial,
      insecureAcceptTest: anchor.test === true,
    },
    crypto,
  )
  if (!result.ok) throw new AuthError({ details: { certificate: result.text } })
}
