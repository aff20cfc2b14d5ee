import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Policies of SCP11 certificates: 1.2.840.114283.100.0.10.2.1.n, n = 0 host, 10 module, 20 authority, 40 intermediate authority. */
const policy = '1.2.840.114283.100.0.10.2.1.'

interface Profile {
  readonly subject: string
  readonly issuer: string
  readonly extensions: readonly string[]
}

const authority = ['basicConstraints=critical,CA:TRUE,pathlen:1', 'keyUsage=critical,keyCertSign,cRLSign']
const intermediate = ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign']
const agreement = ['keyUsage=critical,keyAgreement']

/** Names of files, each with `.pem` and `.key`. */
const profiles: Readonly<Record<string, Profile>> = {
  ca: { subject: 'Test host authority', issuer: 'ca', extensions: [...authority, policies(20, 40, 0)] },
  ka: { subject: 'Test host intermediate', issuer: 'ca', extensions: [...intermediate, policies(40, 0)] },
  oce: { subject: 'Test host', issuer: 'ka', extensions: [...agreement, policies(0)] },
  sd: { subject: 'Test module', issuer: 'ca', extensions: [...agreement, policies(10)] },
  other: { subject: 'A stranger', issuer: 'other', extensions: [...agreement, policies(0)] },
}

/** Makes a certificate authority with openssl: P-256, X.509, as SCP11 wants them. Returns the folder. */
export function makeCertificates(folder: string): string {
  for (const [name, { subject, issuer, extensions }] of Object.entries(profiles)) {
    const file = (suffix: string): string => join(folder, `${name}.${suffix}`)
    const signer = (suffix: string): string => join(folder, `${issuer}.${suffix}`)
    const identifiers = [
      'subjectKeyIdentifier=hash',
      ...(issuer === name ? [] : ['authorityKeyIdentifier=keyid']),
    ]
    writeFileSync(file('ext'), `${[...identifiers, ...extensions].join('\n')}\n`)
    openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file('ec')])
    openssl(['pkcs8', '-topk8', '-nocrypt', '-in', file('ec'), '-out', file('key')])
    openssl(['req', '-new', '-key', file('key'), '-subj', `/CN=${subject}`, '-out', file('csr')])
    const sign = issuer === name ? ['-signkey', file('key')] : ['-CA', signer('pem'), '-CAkey', signer('key')]
    const rest = ['-days', '30', '-sha256', '-extfile', file('ext'), '-out', file('pem')]
    openssl(['x509', '-req', '-in', file('csr'), ...sign, '-CAcreateserial', ...rest])
  }
  return folder
}

/** The host's key and chain in one file, as `ykman --scp FILE` takes them. @returns its path */
export function bundleHost(folder: string, password: string): string {
  const out = join(folder, 'oce.pfx')
  const chain = join(folder, 'chain.pem')
  writeFileSync(chain, read(folder, 'ka') + read(folder, 'ca'))
  const files = ['-inkey', join(folder, 'oce.key'), '-in', join(folder, 'oce.pem'), '-certfile', chain]
  openssl(['pkcs12', '-export', ...files, '-passout', 'stdin', '-out', out], `${password}\n`)
  return out
}

/** Serial number, hex. */
export function serialOf(folder: string, name: string): string {
  return openssl(['x509', '-in', join(folder, `${name}.pem`), '-noout', '-serial'])
    .trim()
    .replace('serial=', '')
}

function read(folder: string, name: string): string {
  return openssl(['x509', '-in', join(folder, `${name}.pem`)])
}

function policies(...last: readonly number[]): string {
  return `certificatePolicies=critical,${last.map((n) => policy + n).join(',')}`
}

function openssl(words: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('openssl', words, { encoding: 'utf8', input })
  if (status !== 0) throw new Error(`openssl ${words[0]}: ${stderr}`)
  return stdout
}
