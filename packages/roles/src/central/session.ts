import { encodeHex, equal } from '@sealwright/core/bytes'
import { certificateIds } from '@sealwright/core/catalog'
import { PeerError, StateError } from '@sealwright/core/errors'
import { requireFingerprint } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { type Certificate, parseCertificate, requirePath } from '@sealwright/core/x509'
import { type Channel, endChannel, openScp11a, plain } from '../channel/index.ts'
import { readData, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { sessionKey } from './key.ts'

/** A unit as the central system knows it, over a path that protects its integrity. */
export interface KnownUnit {
  /** 65 bytes. */
  readonly point: Uint8Array
  /** 16 bytes; compared with the module's certificate when it is known. */
  readonly customer?: Uint8Array
}

export interface SessionInput {
  readonly unit: KnownUnit
  /** SHA-256 of the unit's public key as told by another way; compared when it is given. */
  readonly unitFingerprint?: Uint8Array
  /** Serial number that must answer, 8 bytes; any when absent. */
  readonly serial?: Uint8Array
  /** Accepts certificates that are marked as made with test keys. */
  readonly insecureAcceptTest?: boolean
}

export interface Session {
  readonly serial: Uint8Array
  readonly operating: Certificate
  /** Both ends have proven who they are; everything in it is protected. */
  readonly channel: Channel
}

/**
 * Sets up a session: reads the module's operating certificate, checks it against the unit's public key, and that it was made for this
 * central system; then mutual authentication with session keys of its own. The session is ended after `work`.
 */
export async function session<T>(
  ports: PartyPorts,
  transport: Transport,
  input: SessionInput,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { crypto, entropy, vault } = ports
  requireFingerprint(input.unit.point, input.unitFingerprint, crypto)
  // A session that was broken off may still be open at the module.
  await endChannel(transport)
  const open = plain(transport)
  const { serial, state } = await readHead(open)
  if (input.serial !== undefined && !equal(serial, input.serial)) {
    throw new StateError('this is another module than the one asked for', {
      code: 'wrong-module',
      details: { ordered: encodeHex(input.serial), connected: encodeHex(serial) },
    })
  }
  const encoded = await readData(open, certificateIds.operating.tag)
  if (state !== 'operating' || encoded === undefined) throw new StateError('the module is not personalized')
  const operating = await requireOperating(ports, parseCertificate(encoded), serial, input)
  const channel = await openScp11a(transport, {
    crypto,
    entropy,
    vault,
    keyName: sessionKey,
    modulePoint: operating.publicPoint,
    serial,
  })
  try {
    return await work({ serial, operating, channel })
  } finally {
    channel.close()
    await endChannel(transport)
  }
}

async function requireOperating(
  { clock, crypto, vault }: PartyPorts,
  operating: Certificate,
  serial: Uint8Array,
  { unit, insecureAcceptTest = false }: SessionInput,
): Promise<Certificate> {
  requirePath(
    {
      chain: [operating],
      anchor: { publicPoint: unit.point, role: 'unit', customer: unit.customer },
      role: 'module-operating',
      at: clock.now(),
      serial,
      insecureAcceptTest,
    },
    ["module's operating certificate", "unit's public key"],
    crypto,
  )
  const own = crypto.sha256(await vault.publicPoint(sessionKey))
  if (!equal(operating.binding!.centralKeyHash, own)) {
    const certificate = "module's operating certificate"
    throw new PeerError(`the ${certificate} does not hold: it was made for another central system`, {
      code: 'certificate-refused',
      details: { certificate, reason: 'other-central' },
    })
  }
  return operating
}
