import { encodeHex, equal } from '@sealwright/core/bytes'
import {
  type LotCertificate,
  parseLotCertificates,
  serializeLotCertificates,
} from '@sealwright/core/customization'
import type { PartyPorts } from '../ports/index.ts'

type Ports = Pick<PartyPorts, 'store'>

/** The identity certificate that was issued for a serial number (8 bytes), DER; undefined when there is none. */
export async function certified({ store }: Ports, serial: Uint8Array): Promise<Uint8Array | undefined> {
  const single = await store.read(certifiedName(serial))
  if (single !== undefined) return single
  for (const name of await store.list(lotPrefix)) {
    const found = (await readLot({ store }, name)).find((one) => equal(one.serial, serial))
    if (found !== undefined) return found.certificate
  }
  return undefined
}

/** Keeps the certificate of one module. */
export function keepCertified({ store }: Ports, serial: Uint8Array, certificate: Uint8Array): Promise<void> {
  return store.write(certifiedName(serial), certificate)
}

/** All certificates that were issued in lots, by serial number in hex. */
export async function certifiedInLots({ store }: Ports): Promise<Map<string, Uint8Array>> {
  const all = new Map<string, Uint8Array>()
  for (const name of await store.list(lotPrefix)) {
    for (const { serial, certificate } of await readLot({ store }, name))
      all.set(encodeHex(serial), certificate)
  }
  return all
}

/** The serial numbers, in hex, that were certified one by one. */
export async function certifiedSingly({ store }: Ports): Promise<string[]> {
  return (await store.list(singlePrefix)).map((name) =>
    name.slice(singlePrefix.length, -'.der'.length).toUpperCase(),
  )
}

/** Keeps certificates of many modules in one file, which appears whole. */
export async function keepCertifiedLot(
  { store }: Ports,
  certificates: readonly LotCertificate[],
): Promise<void> {
  if (certificates.length === 0) return
  const last = (await store.list(lotPrefix)).at(-1)
  const number = last === undefined ? 1 : Number(/([0-9]{8})/.exec(last)?.[1] ?? 0) + 1
  await store.write(
    `${lotPrefix}${String(number).padStart(8, '0')}.certificates`,
    serializeLotCertificates(certificates),
  )
}

async function readLot({ store }: Ports, name: string): Promise<LotCertificate[]> {
  const bytes = await store.read(name)
  return bytes === undefined ? [] : parseLotCertificates(bytes)
}

function certifiedName(serial: Uint8Array): string {
  return `${singlePrefix}${encodeHex(serial).toLowerCase()}.der`
}

const lotPrefix = 'lots/'
const singlePrefix = 'modules/'
