import { encodeHex, equal } from '@sealwright/core/bytes'
import { certificateIds } from '@sealwright/core/catalog'
import { parseDocument } from '@sealwright/core/cbor'
import { StateError, UsageError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import { parseTransfer, prepareTransfer } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { parseCertificate, requirePath } from '@sealwright/core/x509'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { moduleStep, type ProvenHead, provenHead, readData, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { signingKey } from './key.ts'
import { takesApprovals } from './rules.ts'

export interface TransferInput {
  /** Serial number of the module that is released, 8 bytes. */
  readonly serial: Uint8Array
  /** The customer that is to have it, 16 bytes. */
  readonly to: Uint8Array
  /** This unit's certificate from the manufacturer, DER. */
  readonly unit: Uint8Array
}

/** Releases a module to another customer: a document for whoever brings it to the module, after it was depersonalized. */
export async function transfer(
  { clock, crypto, store, vault }: PartyPorts,
  { serial, to, unit: encoded }: TransferInput,
): Promise<Uint8Array> {
  // One person alone must not give away what two have to agree to certify.
  if (await takesApprovals({ store })) {
    throw new StateError(
      'this unit signs what two people have approved, and a release is nothing that they approve: take a unit of this customer without a roster',
      { code: 'approval-missing' },
    )
  }
  const unit = parseCertificate(encoded)
  const point = await vault.publicPoint(signingKey)
  if (unit.customer === undefined || !equal(unit.publicPoint, point)) {
    throw new UsageError("expected this unit's own certificate")
  }
  if (equal(unit.customer, to)) throw new UsageError('the module belongs to that customer already')
  // Seconds rise by themselves: a later release counts more than an earlier one, whichever unit signed it.
  const now = clock.now()
  const said = { module: serial, from: unit.customer, to, number: now, time: now, unit: encoded }
  const unsigned = prepareTransfer(said, point, crypto)
  return unsigned.finish(await vault.sign(signingKey, unsigned.toBeSigned))
}

export interface TakeTransferInput {
  /** The `transfer` document. */
  readonly document: Uint8Array
  /** The manufacturer's root, DER: the module's identity then vouches for the event that is queued. Without it the line is believed. */
  readonly root?: Uint8Array
  /** Works with a root that is marked as a test root. */
  readonly insecureAcceptTest?: boolean
}

/** Brings a release to the module. Broken off, it is run again: the module takes one release once. */
export async function takeTransfer(
  ports: PartyPorts,
  transport: Transport,
  { document, root, insecureAcceptTest = false }: TakeTransferInput,
): Promise<{ readonly serial: Uint8Array; readonly to: Uint8Array; readonly entries: readonly LogEntry[] }> {
  const { module: serial, to } = parseTransfer(parseDocument(document))
  await endChannel(transport)
  const channel = plain(transport)
  const head = await readHead(channel)
  if (!equal(head.serial, serial)) {
    throw new StateError('this is another module than the one that is released', {
      code: 'wrong-module',
      details: { ordered: encodeHex(serial), connected: encodeHex(head.serial) },
    })
  }
  const { entries } = await moduleStep(ports, channel, {
    name: 'unit take-transfer',
    types: ['transferred'],
    details: { transfer: ports.crypto.sha256(document) },
    ...(root === undefined
      ? {}
      : { proven: () => identityHead(ports, channel, { serial, root, insecureAcceptTest }) }),
    run: () => channel.send('TAKE TRANSFER', { data: document }),
  })
  return { serial, to, entries }
}

/** Event number and chain under a fresh nonce, signed by the identity key of this module. */
async function identityHead(
  { clock, crypto, entropy }: PartyPorts,
  channel: Channel,
  {
    serial,
    root,
    insecureAcceptTest,
  }: { readonly serial: Uint8Array; readonly root: Uint8Array; readonly insecureAcceptTest: boolean },
): Promise<ProvenHead> {
  const encoded = await readData(channel, certificateIds.identity.tag)
  if (encoded === undefined) throw new StateError('the module has no identity certificate')
  const { publicPoint: point } = requirePath(
    {
      ...{ chain: [parseCertificate(encoded)], anchor: parseCertificate(root), role: 'module-identity' },
      ...{ at: clock.now(), serial, insecureAcceptTest },
    },
    ["module's identity certificate", "manufacturer's root"],
    crypto,
  )
  return provenHead(channel, entropy.bytes(16), { crypto, serial, point })
}
