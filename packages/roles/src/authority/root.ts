import { refuseTestKey } from '@sealwright/core/crypto'
import { StateError } from '@sealwright/core/errors'
import { type Certificate, parseCertificate, serializeCertificate, tbsOfProfile } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'

/** Name of the pair that signs operators' and suppliers' certificates. */
export const authorityKey = 'authority'

const rootFile = 'authority.der'

/** The end of time of IEEE 802.1AR, 8.7: 9999-12-31T23:59:59Z. */
const noExpiry = 253_402_300_799

/** The authority's own certificate: made at the first call, the same after. */
export async function initAuthority(
  ports: PartyPorts,
  { name = 'authority', test }: { readonly name?: string; readonly test?: boolean } = {},
): Promise<Certificate> {
  const { clock, crypto, store, vault } = ports
  const stored = await store.read(rootFile)
  if (stored !== undefined) {
    const root = parseCertificate(stored)
    if (test !== undefined && test !== root.test) {
      throw new StateError(`the root that is there is ${root.test ? 'a test root' : 'no test root'}`, {
        code: 'test-mark-differs',
      })
    }
    return root
  }
  if (!(await vault.has(authorityKey))) await vault.createPair(authorityKey)
  const publicPoint = await vault.publicPoint(authorityKey)
  if (test !== true) refuseTestKey(crypto, publicPoint, "the authority's key")
  const tbs = tbsOfProfile(
    {
      role: 'authority',
      serialNumber: certificateNumber(ports),
      subject: { commonName: name },
      publicPoint,
      notBefore: clock.now(),
      notAfter: noExpiry,
      issuer: 'self',
      ...(test === undefined ? {} : { test }),
    },
    crypto,
  )
  const encoded = serializeCertificate(tbs, await vault.sign(authorityKey, tbs))
  await store.write(rootFile, encoded)
  return parseCertificate(encoded)
}

export async function authorityCertificate({ store }: PartyPorts): Promise<Certificate> {
  const stored = await store.read(rootFile)
  if (stored === undefined)
    throw new StateError('there is no authority yet: run `sealwright authority init-root` first')
  return parseCertificate(stored)
}

/** A positive number of 16 random bytes. */
export function certificateNumber({ entropy }: Pick<PartyPorts, 'entropy'>): Uint8Array {
  const number = entropy.bytes(16).slice()
  number[0] = (number[0]! & 0x7f) | 0x40
  return number
}
