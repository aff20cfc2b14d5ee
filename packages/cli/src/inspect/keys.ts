import { encodeHex, wipe } from '@sealwright/core/bytes'
import { parseCertificate } from '@sealwright/core/x509'
import { parseKeyFile } from '@sealwright/node/keys'
import type { Explanation } from './explanation.ts'

export function explainCertificate(bytes: Uint8Array): Explanation {
  const certificate = parseCertificate(bytes)
  const { subject, issuer, serialNumber, notBefore, notAfter, role, test, publicPoint } = certificate
  const { customer, binding, ticket } = certificate
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
    ticket,
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
      ...(ticket === undefined ? [] : [`number ${ticket.number} of the ticket ${encodeHex(ticket.id)}`]),
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

/**
 * Whether bytes are a secret as a vault keeps it, or keys in hex as `gp` writes them. Told before anything else is tried: one secret in a hundred
 * has the lengths of a command APDU by chance, and would be shown as one.
 */
export function isSecretFile(bytes: Uint8Array): boolean {
  const isVaults = bytes[0] === 0x01 && keyLengths.includes(bytes.length - 1)
  const lines = new TextDecoder('latin1').decode(bytes.subarray(0, longestKeyText)).trim().split(/\r?\n/)
  const isText = lines.every((line) => /^[0-9a-fA-F]+$/.test(line) && keyLengths.includes(line.length / 2))
  return isVaults || isText
}

export function explainSecret(): Explanation {
  return { kind: 'secret key', json: { secret: true }, lines: ['secret: it is not shown'] }
}

const keyLengths: readonly number[] = [16, 24, 32]
const longestKeyText = 256

function nameOf({ commonName, serialNumber }: { commonName: string; serialNumber?: string }): string {
  return serialNumber === undefined ? commonName : `${commonName}, module ${serialNumber}`
}
