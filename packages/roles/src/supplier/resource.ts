import { encodeHex, equal } from '@sealwright/core/bytes'
import { channelKeys, type SupplierForm } from '@sealwright/core/catalog'
import { StateError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { type CheckedActivation, checkActivation } from '@sealwright/core/resources'
import { type Channel, openDhSigned, openScp11a, openSignedKey, plain } from '../channel/index.ts'
import { readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { pinnedRoot } from '../trust/index.ts'
import { supplierKey } from './key.ts'

/** Checks an activation against the own key and the pinned roots, and keeps it. */
export async function takeActivation(ports: PartyPorts, bytes: Uint8Array): Promise<CheckedActivation> {
  const { clock, crypto, store, vault } = ports
  const checked = checkActivation(
    bytes,
    {
      supplierPoint: await vault.publicPoint(supplierKey),
      manufacturerRoot: await pinnedRoot(ports, 'manufacturer-root'),
      authority: await pinnedRoot(ports, 'authority'),
      at: clock.now(),
    },
    crypto,
  )
  await store.write(activationFile(checked), bytes)
  return checked
}

/** The activation that was kept for the module's resource with this AID; checked again. */
export async function keptActivation(
  ports: PartyPorts,
  serial: Uint8Array,
  aid: Uint8Array | undefined,
): Promise<CheckedActivation> {
  const { store } = ports
  const found: CheckedActivation[] = []
  for (const name of await store.list(`activations/${encodeHex(serial).toLowerCase()}-`)) {
    const bytes = await store.read(name)
    if (bytes === undefined) continue
    const checked = await takeActivation(ports, bytes)
    if (aid === undefined || equal(checked.reservation.aid, aid)) found.push(checked)
  }
  const [first, ...more] = found
  if (first === undefined) {
    throw new StateError(`no resource in module ${encodeHex(serial)} was activated for this supplier`)
  }
  if (more.length > 0) throw new StateError('several resources in this module are ours: name one by its AID')
  return first
}

/** Refuses a line that goes to another module than the activation's. */
export async function requireModule(channel: Channel, { module }: CheckedActivation): Promise<void> {
  const { serial } = await readHead(channel)
  if (equal(serial, module)) return
  throw new StateError('this is another module than that of the activation', {
    code: 'wrong-module',
    details: { ordered: encodeHex(module), connected: encodeHex(serial) },
  })
}

/** Opens the channel with the resource: both ends prove who they are, end to end (SER). Without a form it is SCP11a. */
export function openResource(
  { crypto, entropy, vault }: PartyPorts,
  transport: Transport,
  { module, modulePoint, operating, resource }: CheckedActivation,
  issuer: Uint8Array,
  form: SupplierForm = 'mutual',
): Promise<Channel> {
  if (form !== 'mutual') {
    const open = form === 'dh-signed' ? openDhSigned : openSignedKey
    return open(transport, {
      ...{ crypto, entropy, vault, issuer, resource },
      keyName: supplierKey,
      serial: module,
      module: { point: modulePoint, certificate: operating.encoded },
    })
  }
  return openScp11a(transport, {
    ...{ crypto, entropy, vault, modulePoint, issuer },
    keyName: supplierKey,
    keyId: channelKeys.supplier,
    keyVersion: resource,
    serial: module,
  })
}

/** Issuer identification of the module, which the key agreement binds; read before an application is selected. */
export async function readIssuer(transport: Transport): Promise<Uint8Array> {
  return plain(transport).send('GET DATA', { p1: 0x00, p2: 0x42 })
}

export function resourceName({ module, resource }: Pick<CheckedActivation, 'module' | 'resource'>): string {
  return `${encodeHex(module).toLowerCase()}-${resource}`
}

function activationFile(checked: CheckedActivation): string {
  return `activations/${resourceName(checked)}`
}
