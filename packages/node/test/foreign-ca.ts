import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concat, encodeHex } from '@sealwright/core/bytes'
import { arc, type KeyUsage, keyUsageBits } from '@sealwright/core/x509'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import { clientsFolder } from './clients/installed.ts'

// Certification authorities that others wrote: openssl on the command line, and pyca/cryptography. Neither knows our profile; it is told in
// extensions, as anybody's authority would be told.

/** What is asked of an authority, in words that both understand. */
export interface Wanted {
  readonly commonName: string
  readonly serialNumber?: string
  /** Uncompressed, 65 bytes. */
  readonly point: Uint8Array
  /** Longest path below it; absent: no authority. */
  readonly pathLength?: number
  readonly usage: readonly KeyUsage[]
  readonly purposes: readonly string[]
  /** Object identifier, DER value, critical. */
  readonly more?: readonly (readonly [oid: string, value: Uint8Array, critical?: boolean])[]
  /** 20 bytes; by RFC 7093 unless given. */
  readonly keyIdentifier?: Uint8Array
  readonly days?: number
}

/** A pair of an authority, or of whoever is certified by it. */
export interface ForeignKey {
  readonly point: Uint8Array
  readonly commonName: string
}

export interface ForeignCa {
  readonly name: string
  key(commonName: string): Promise<ForeignKey>
  /** The certificate in DER, its signature in the lower half, as the profile has it: another one is asked for until it is. */
  issue(by: ForeignKey, wanted: Wanted): Promise<Uint8Array>
  close(): void
}

export const roleOid = (number: number) => `${arc}.1.${number}`
export const extensionOid = (number: number) => `${arc}.2.${number}`
export const octets = (bytes: Uint8Array) => concat(Uint8Array.of(0x04, bytes.length), bytes)

export const keyIdentifierOf = (point: Uint8Array) => crypto.sha256(point).slice(0, 20)

const colons = (bytes: Uint8Array) => encodeHex(bytes).match(/../g)!.join(':')

/** ECDSA's s in DER lies at the end: 32 bytes whose first bit is clear, or fewer, in the lower half. */
function isLow(der: Uint8Array): boolean {
  const half = BigInt('0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8')
  const length = der.lastIndexOf(0x02, der.length - 30)
  for (let at = length; at > der.length - 40; at--) {
    if (der[at] === 0x02 && at + 2 + der[at + 1]! === der.length) {
      return BigInt(`0x${encodeHex(der.subarray(at + 2))}`) <= half
    }
  }
  return false
}

async function untilLow(make: () => Uint8Array | Promise<Uint8Array>): Promise<Uint8Array> {
  for (;;) {
    const der = await make()
    if (isLow(der)) return der
  }
}

export function opensslCa(): ForeignCa {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-ca-'))
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('openssl', args)
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`)
    return new Uint8Array(stdout)
  }
  const config = (wanted: Wanted, above: readonly string[]) => {
    const { pathLength, usage, purposes, more = [], point } = wanted
    const lines = [
      '[req]',
      'distinguished_name = name',
      '[name]',
      '[extensions]',
      ...(pathLength === undefined ? [] : [`basicConstraints = critical, CA:TRUE, pathlen:${pathLength}`]),
      `keyUsage = critical, ${usage.join(', ')}`,
      ...(purposes.length === 0 ? [] : [`extendedKeyUsage = ${purposes.join(', ')}`]),
      `subjectKeyIdentifier = ${colons(wanted.keyIdentifier ?? keyIdentifierOf(point))}`,
      ...above,
      ...more.map(([oid, value, critical]) => `${oid} = ${critical ? 'critical, ' : ''}DER:${colons(value)}`),
    ]
    writeFileSync(file('config'), `${lines.join('\n')}\n`)
  }
  const publicKey = (point: Uint8Array) => {
    const head = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')
    const base = Buffer.concat([head, point]).toString('base64')
    writeFileSync(file('public.pem'), `-----BEGIN PUBLIC KEY-----\n${base}\n-----END PUBLIC KEY-----\n`)
    return file('public.pem')
  }
  const subject = ({ commonName, serialNumber }: Wanted) =>
    `/CN=${commonName}${serialNumber === undefined ? '' : `/serialNumber=${serialNumber}`}`
  return {
    name: 'openssl',
    async key(commonName) {
      openssl(
        'genpkey',
        '-algorithm',
        'EC',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-out',
        file(`${commonName}.key`),
      )
      const der = openssl('pkey', '-in', file(`${commonName}.key`), '-pubout', '-outform', 'DER')
      return { commonName, point: der.slice(-65) }
    },
    async issue(by, wanted) {
      const own = by.commonName === wanted.commonName
      const signer = ['-set_serial', '0x4102030405060708', '-days', String(wanted.days ?? 30), '-sha256']
      const key = file(`${by.commonName}.key`)
      const der = await untilLow(() => {
        if (own) {
          config(wanted, [])
          const words = [
            '-config',
            file('config'),
            '-extensions',
            'extensions',
            '-subj',
            subject(wanted),
            '-utf8',
          ]
          return openssl('req', '-x509', '-new', '-key', key, ...words, ...signer, '-outform', 'DER')
        }
        config(wanted, ['authorityKeyIdentifier = keyid:always'])
        const extensions = ['-extfile', file('config'), '-extensions', 'extensions', '-subj', subject(wanted)]
        const above = ['-CA', file(`${by.commonName}.crt`), '-CAkey', key]
        return openssl(
          ...['x509', '-new', '-force_pubkey', publicKey(wanted.point), ...extensions, ...above, ...signer],
          ...['-outform', 'DER'],
        )
      })
      writeFileSync(file('made.der'), der)
      openssl('x509', '-inform', 'DER', '-in', file('made.der'), '-out', file(`${wanted.commonName}.crt`))
      return new Uint8Array(readFileSync(file('made.der')))
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The Python of `npm run clients`, or the machine's own, where it has the package `cryptography`; undefined without. */
export function pythonWithCryptography(): string | undefined {
  return [join(clientsFolder, 'python/bin/python3'), 'python3'].find(
    (python) => spawnSync(python, ['-c', 'import cryptography']).status === 0,
  )
}

/** The certification authority of pyca/cryptography: another encoder, another signer, another reader of keys. */
export function pythonCa(python: string): ForeignCa {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-ca-'))
  const run = (request: object) => {
    const { status, stdout, stderr } = spawnSync(python, [
      '-c',
      authority,
      JSON.stringify({ folder, ...request }),
    ])
    if (status !== 0) throw new Error(`python: ${stderr}`)
    return new Uint8Array(stdout)
  }
  return {
    name: 'pyca/cryptography',
    async key(commonName) {
      return { commonName, point: run({ key: commonName }) }
    },
    issue: (by, wanted) =>
      untilLow(() => {
        const { point, more = [], keyIdentifier = keyIdentifierOf(point), usage } = wanted
        const hex = more.map(([oid, value, critical = false]) => [oid, encodeHex(value), critical])
        const bits = Object.keys(keyUsageBits).map((name) => usage.some((one) => one === name))
        return run({
          ...{ ...wanted, by: by.commonName, point: encodeHex(point), more: hex, usage: bits },
          keyIdentifier: encodeHex(keyIdentifier),
        })
      }),
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

const authority = `
import datetime, json, os, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
q = json.loads(sys.argv[1])
path = lambda name: os.path.join(q['folder'], name)
def load(name):
    return serialization.load_pem_private_key(open(path(name + '.key'), 'rb').read(), None)
if 'key' in q:
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    open(path(q['key'] + '.key'), 'wb').write(key.private_bytes(*form))
    sys.stdout.buffer.write(key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))
    sys.exit()
def name(common, serial=None):
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if serial: parts.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial))
    return x509.Name(parts)
now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
b = x509.CertificateBuilder()
b = b.subject_name(name(q['commonName'], q.get('serialNumber'))).issuer_name(name(q['by']))
b = b.serial_number(0x4102030405060708).not_valid_before(now)
b = b.not_valid_after(now + datetime.timedelta(days=q.get('days', 30)))
b = b.public_key(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(q['point'])))
if 'pathLength' in q: b = b.add_extension(x509.BasicConstraints(True, q['pathLength']), True)
b = b.add_extension(x509.KeyUsage(*q['usage']), True)
if q['purposes']: b = b.add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(o) for o in q['purposes']]), False)
own = bytes.fromhex(q['keyIdentifier'])
open(path(q['commonName'] + '.id'), 'wb').write(own)
b = b.add_extension(x509.SubjectKeyIdentifier(own), False)
if q['by'] != q['commonName']:
    above = open(path(q['by'] + '.id'), 'rb').read()
    b = b.add_extension(x509.AuthorityKeyIdentifier(above, None, None), False)
for oid, value, critical in q['more']:
    b = b.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(value)), critical)
made = b.sign(load(q['by']), hashes.SHA256())
sys.stdout.buffer.write(made.public_bytes(serialization.Encoding.DER))
`
