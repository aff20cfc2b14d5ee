import { ascii } from '../../bytes/index.ts'
import { noEnd } from '../../der/index.ts'
import type { Crypto, EcPrivateKey } from '../../ports/index.ts'
import {
  type Certificate,
  type CertificateProfile,
  issueCertificate,
  parseCertificate,
} from '../certificate.ts'
import type { RoleName } from '../roles.ts'

/** Serial number of the module that the test certificates belong to. */
export const testOnlySerial = Uint8Array.of(0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77)

/** A certificate and key for every role, made from fixed scalars: for tests alone. */
export interface TestOnlyPki {
  readonly certificates: Readonly<Record<RoleName, Certificate>>
  readonly keys: Readonly<Record<RoleName, EcPrivateKey>>
  /** Issues one more certificate under a role of the set. */
  issue(
    profile: Omit<CertificateProfile, 'issuer' | 'notBefore' | 'notAfter'> & {
      readonly by: RoleName | 'self'
    },
    signer?: EcPrivateKey,
  ): Certificate
}

const from = Date.UTC(2026, 0, 1) / 1000

/** @param seed another letter gives other keys under the same names; @param test marks roots as test roots */
export function testOnlyPki(crypto: Crypto, seed = 'a', test = false): TestOnlyPki {
  const keys = {} as Record<RoleName, EcPrivateKey>
  const certificates = {} as Record<RoleName, Certificate>
  const customer = ascii('customer 0000001')
  const key = (role: RoleName): EcPrivateKey => {
    keys[role] ??= crypto.ecPrivateKey(crypto.sha256(ascii(`testOnly ${seed} ${role}`)))
    return keys[role]
  }
  const issue: TestOnlyPki['issue'] = ({ by, ...rest }, signer = key(by === 'self' ? rest.role : by)) => {
    const issuer = by === 'self' ? by : certificates[by]
    const profile: CertificateProfile = { notBefore: from, notAfter: noEnd, test, ...rest, issuer }
    return parseCertificate(issueCertificate(profile, (tbs) => signer.sign(tbs), crypto))
  }
  const add = (role: RoleName, by: RoleName | 'self', more: Partial<CertificateProfile> = {}): void => {
    certificates[role] = issue({
      role,
      by,
      serialNumber: crypto.sha256(ascii(`${seed} ${role}`)).slice(0, 16),
      subject: { commonName: `Example ${role}` },
      publicPoint: key(role).publicPoint,
      ...more,
    })
  }
  add('manufacturer-root', 'self')
  add('authority', 'self')
  add('manufacturer', 'manufacturer-root')
  add('unit', 'manufacturer-root', { customer })
  for (const role of ['operator', 'supplier'] as const) add(role, 'authority')
  for (const role of ['issuer', 'mounter', 'loader', 'log'] as const) add(role, 'manufacturer-root')
  add('central-system', 'unit')
  add('unit-channel', 'unit')
  const subject = { commonName: 'module', serialNumber: '0011223344556677' }
  add('module-identity', 'manufacturer-root', { subject })
  const centralKeyHash = crypto.sha256(key('central-system').publicPoint)
  add('module-operating', 'unit', {
    subject,
    binding: { nonce: ascii('nonce 0000000001'), customer, centralKeyHash },
  })
  return { certificates, keys, issue }
}
