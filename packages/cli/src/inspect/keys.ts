import { encodeHex, wipe } from '@sealwright/core/bytes'
import { parseCertificate } from '@sealwright/core/x509'
import { parseKeyFile } from '@sealwright/node/keys'
import type { Explanation } from './explanation.ts'

export function explainCertificate(bytes: Uint8Array): Explanation {
  const { subject, issuer, serialNumber, notBefore, notAfter, role, test, publicPoint, customer, binding } =
    parseCertificate(bytes)
  const dates = [notBefore, notAfter].map((seconds) => new Date(seconds * 1000).toISOString())
  const json = {
    subject,
    issuer,
    serialNumber,
    notBefore,
    notAfter,
    role,
    test,
    publicPoint,
    customer,
    binding,
  }
  return {
    kind: 'certificate',
    json,
    lines: [
      `subject ${nameOf(subject)}`,
      `issuer ${nameOf(issuer)}`,
      `serial number ${encodeHex(serialNumber)}`,
      `valid ${dates[0]} to ${dates[1]}`,
      `role ${role ?? 'none of ours'}${test ? ', made with test keys' : ''}`,
      `public point ${encodeHex(publicPoint)}`,
      ...(customer === undefined ? [] : [`customer ${encodeHex(customer)}`]),
      ...(binding === undefined
        ? []
        : [`nonce ${encodeHex(binding.nonce)}`, `central system's key ${encodeHex(binding.centralKeyHash)}`]),
      'the signature was not checked: that needs the issuer',
    ],
  }
}

/** Tells that it is a private key, and nothing of it. */
export function explainPrivateKey(bytes: Uint8Array): Explanation {
  const kind = bytes[1] === 0x81 ? 'p256' : 'ed25519'
  wipe(parseKeyFile(kind, bytes).secret)
  return {
    kind: 'private key',
    json: { key: kind, secret: true },
    lines: [`PKCS#8, ${kind}`, 'secret: it is not shown'],
  }
}

function nameOf({ commonName, serialNumber }: { commonName: string; serialNumber?: string }): string {
  return serialNumber === undefined ? commonName : `${commonName}, module ${serialNumber}`
}
