import { refuseTestKey } from '@sealwright/core/crypto'
import { StateError } from '@sealwright/core/errors'
import { type Certificate, parseCertificate, serializeCertificate, tbsOfProfile } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'

/** Name of the pair that signs identity and unit certificates. */
export const rootKey = 'root'

/** The end of time of IEEE 802.1AR, 8.7: 9999-12-31T23:59:59Z. */
export const noExpiry = 253_402_300_799

const rootFile = 'root.der'

export interface RootInput {
  /** The name in the certificate; `manufacturer` unless given. */
  readonly name?: string
  /** Marks the root and all below it as made with test keys. */
  readonly test?: boolean
}

/** The manufacturer's root: made at the first call, the same after. */
export async function initRoot(ports: PartyPorts, input: RootInput = {}): Promise<Certificate> {
  const { clock, crypto, store, vault } = ports
  const stored = await store.read(rootFile)
  if (stored !== undefined) {
    const root = parseCertificate(stored)
    if (input.test !== undefined && input.test !== root.test) {
      throw new StateError(`the root that is there is ${root.test ? 'a test root' : 'no test root'}`, {
        code: 'test-mark-differs',
      })
    }
    return root
  }
  if (!(await vault.has(rootKey))) await vault.createPair(rootKey)
  const publicPoint = await vault.publicPoint(rootKey)
  if (input.test !== true) refuseTestKey(crypto, publicPoint, "the root's key")
  const profile = {
    role: 'manufacturer-root',
    serialNumber: certificateNumber(ports),
    subject: { commonName: input.name ?? 'manufacturer' },
    publicPoint,
    notBefore: clock.now(),
    notAfter: noExpiry,
    issuer: 'self',
    ...(input.test === undefined ? {} : { test: input.test }),
  } as const
  const tbs = tbsOfProfile(profile, crypto)
  const encoded = serializeCertificate(tbs, await vault.sign(rootKey, tbs))
  await store.write(rootFile, encoded)
  return parseCertificate(encoded)
}

/** The root that was made before. */
export async function root({ store }: PartyPorts): Promise<Certificate> {
  const stored = await store.read(rootFile)
  if (stored === undefined) {
    throw new StateError('there is no root yet: run `sealwright manufacturer init-root` first')
  }
  return parseCertificate(stored)
}

/** A positive number of 16 random bytes. */
export function certificateNumber({ entropy }: Pick<PartyPorts, 'entropy'>): Uint8Array {
  const number = entropy.bytes(16).slice()
  number[0] = (number[0]! & 0x7f) | 0x40
  return number
}
