import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ascii } from '../bytes/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import { der } from '../der/index.ts'
import type { EcPrivateKey } from '../ports/index.ts'
import {
  anchorOf,
  type Certificate,
  certificateToPem,
  checkPath,
  type Extension,
  extensionOids,
  keyIdentifier,
  keyUsageBits,
  type PathInput,
  type PathReason,
  parseCertificate,
  pathReasons,
  type RoleName,
  roles,
  serializeCertificate,
  serializeTbs,
} from './index.ts'
import { roleRow } from './roles.ts'
import { testOnlyPki, testOnlySerial } from './testing/index.ts'

const { certificates, keys, issue } = testOnlyPki(crypto)
const other = testOnlyPki(crypto, 'b')
const marked = testOnlyPki(crypto, 'a', true)
const root = certificates['manufacturer-root']
const { unit } = certificates
const operating = certificates['module-operating']
const at = Date.UTC(2027, 0, 1) / 1000

const good: PathInput = {
  chain: [operating, unit],
  anchor: root,
  role: 'module-operating',
  at,
  serial: testOnlySerial,
}

/** The certificate with changed parts, signed anew. */
function remade(
  certificate: Certificate,
  changes: Partial<Certificate>,
  key: EcPrivateKey = keys.unit,
): Certificate {
  const tbs = serializeTbs({ ...certificate, ...changes })
  return parseCertificate(serializeCertificate(tbs, key.sign(tbs)))
}

/** The certificate's extensions with one replaced (or left out), or added when it was not there. */
function withExtension(
  { extensions }: Certificate,
  oid: string,
  change?: Partial<Extension>,
): Partial<Certificate> {
  const rest = extensions.filter((one) => one.oid !== oid)
  const before = extensions.find((one) => one.oid === oid) ?? { oid, critical: false, value: der.null() }
  return { extensions: change ? [...rest, { ...before, ...change }] : rest }
}

function leafOnly(changes: Partial<Certificate>): PathInput {
  return { ...good, chain: [remade(operating, changes), unit] }
}

function unitOnly(changes: Partial<Certificate>): PathInput {
  return { ...good, chain: [operating, remade(unit, changes, keys['manufacturer-root'])] }
}

const offCurve = Uint8Array.from(root.publicPoint)
offCurve[64]! ^= 1

const unitUnder = (point: Uint8Array): Certificate =>
  remade(
    unit,
    withExtension(unit, extensionOids.authorityKeyIdentifier, {
      value: der.sequence(der.implicit(0, keyIdentifier(point, crypto))),
    }),
  )

const identityByUnit = issue(
  {
    role: 'module-identity',
    by: 'unit',
    serialNumber: Uint8Array.of(9),
    subject: operating.subject,
    publicPoint: keys['module-identity'].publicPoint,
  },
  keys.unit,
)

const shortRoot = remade(
  root,
  withExtension(root, extensionOids.basicConstraints, {
    value: der.sequence(der.boolean(true), der.smallInteger(0)),
  }),
  keys['manufacturer-root'],
)

const endlessUnit = remade(
  unit,
  withExtension(unit, extensionOids.basicConstraints, { value: der.sequence(der.boolean(true)) }),
  keys['manufacturer-root'],
)

const otherCustomer = issue({
  role: 'module-operating',
  by: 'unit',
  serialNumber: Uint8Array.of(7),
  subject: operating.subject,
  publicPoint: operating.publicPoint,
  binding: { ...operating.binding!, customer: ascii('customer 0000002') },
})

/** A certificate broken exactly in one way, the reason that must come, and the link that must be named. */
const broken: [PathReason, number, string, PathInput][] = [
  ['path-empty', 0, 'no certificate', { ...good, chain: [] }],
  [
    'anchor-role',
    2,
    'an identity certificate as anchor',
    { ...good, anchor: certificates['module-identity'] },
  ],
  [
    'anchor-role',
    2,
    'a bare key of a role that certifies nobody',
    { ...good, anchor: { ...root, role: 'operator' } },
  ],
  ['issuer-name', 0, 'another issuer in the leaf', leafOnly({ issuer: { commonName: 'Somebody else' } })],
  ['issuer-name', 1, 'another issuer in the unit', unitOnly({ issuer: { commonName: 'Other' } })],
  [
    'issuer-name',
    0,
    'an issuer with a serial number besides',
    leafOnly({ issuer: { ...unit.subject, serialNumber: '1' } }),
  ],
  [
    'key-identifier',
    0,
    'no authority key identifier',
    leafOnly(withExtension(operating, extensionOids.authorityKeyIdentifier)),
  ],
  [
    'key-identifier',
    0,
    "another key's authority key identifier",
    leafOnly(
      withExtension(operating, extensionOids.authorityKeyIdentifier, {
        value: der.sequence(der.implicit(0, root.subjectKeyIdentifier!)),
      }),
    ),
  ],
  [
    'key-identifier',
    0,
    "another key's subject key identifier",
    leafOnly(
      withExtension(operating, extensionOids.subjectKeyIdentifier, {
        value: der.octetString(root.subjectKeyIdentifier!),
      }),
    ),
  ],
  [
    'public-key',
    1,
    'an anchor that is not on the curve',
    {
      ...good,
      chain: [operating, unitUnder(offCurve)],
      anchor: { publicPoint: offCurve, role: 'manufacturer-root' },
    },
  ],
  [
    'signature',
    0,
    'a leaf signed by another key',
    { ...good, chain: [remade(operating, {}, keys.operator), unit] },
  ],
  [
    'signature',
    1,
    'a unit signed by another key',
    { ...good, chain: [operating, remade(unit, {}, other.keys['manufacturer-root'])] },
  ],
  ['signature', 2, 'a root that another key signed', { ...good, anchor: remade(root, {}, keys.unit) }],
  ['not-yet-valid', 2, 'a second before the root begins', { ...good, at: root.notBefore - 1 }],
  ['not-yet-valid', 0, 'a leaf that begins later', leafOnly({ notBefore: at + 1 })],
  ['expired', 0, 'a leaf that ended a second ago', leafOnly({ notAfter: at - 1 })],
  ['expired', 1, 'a unit that ended a second ago', unitOnly({ notAfter: at - 1 })],
  [
    'critical-extension',
    0,
    'an unknown critical extension',
    leafOnly(withExtension(operating, '1.2.3', { critical: true })),
  ],
  ['role-unknown', 0, 'no role', leafOnly(withExtension(operating, extensionOids.extKeyUsage))],
  [
    'role-unknown',
    0,
    'a purpose of TLS',
    leafOnly(
      withExtension(operating, extensionOids.extKeyUsage, {
        value: der.sequence(der.oid('1.3.6.1.5.5.7.3.2')),
      }),
    ),
  ],
  [
    'role-unknown',
    1,
    'two roles at once',
    unitOnly(
      withExtension(unit, extensionOids.extKeyUsage, {
        value: der.sequence(der.oid(roles.unit.oid), der.oid(roles.operator.oid)),
      }),
    ),
  ],
  ['role-unexpected', 0, 'an operating certificate as central', { ...good, role: 'central-system' }],
  [
    'role-issuer',
    0,
    'an identity certificate by a unit',
    { ...good, chain: [identityByUnit, unit], role: 'module-identity' },
  ],
  [
    'role-issuer',
    0,
    'an operating certificate straight under the root',
    {
      ...good,
      chain: [
        issue({
          role: 'module-operating',
          by: 'manufacturer-root',
          serialNumber: Uint8Array.of(8),
          subject: operating.subject,
          publicPoint: operating.publicPoint,
          binding: operating.binding!,
        }),
      ],
    },
  ],
  [
    'basic-constraints',
    0,
    'a leaf that may certify',
    leafOnly(
      withExtension(operating, extensionOids.basicConstraints, {
        critical: true,
        value: der.sequence(der.boolean(true)),
      }),
    ),
  ],
  [
    'basic-constraints',
    1,
    'a unit that may not certify',
    unitOnly(withExtension(unit, extensionOids.basicConstraints)),
  ],
  ['basic-constraints', 1, 'a unit without a path length', { ...good, chain: [operating, endlessUnit] }],
  ['path-length', 2, 'a root that allows no unit below it', { ...good, anchor: shortRoot }],
  [
    'key-usage',
    0,
    'a leaf without key agreement',
    leafOnly(
      withExtension(operating, extensionOids.keyUsage, {
        value: der.namedBits([keyUsageBits.digitalSignature]),
      }),
    ),
  ],
  [
    'key-usage',
    0,
    'a leaf that may sign certificates too',
    leafOnly(withExtension(operating, extensionOids.keyUsage, { value: der.namedBits([0, 4, 5]) })),
  ],
  ['key-usage', 0, 'a leaf without key usage', leafOnly(withExtension(operating, extensionOids.keyUsage))],
  ['missing-field', 0, 'no binding', leafOnly(withExtension(operating, extensionOids.binding))],
  ['missing-field', 1, 'a unit without customer', unitOnly(withExtension(unit, extensionOids.customer))],
  [
    'missing-field',
    1,
    'a ticket in a unit certificate',
    unitOnly(
      withExtension(unit, extensionOids.ticket, {
        value: der.sequence(der.octetString(new Uint8Array(16)), der.smallInteger(1)),
      }),
    ),
  ],
  ['missing-field', 0, 'no serial number', leafOnly({ subject: { commonName: 'module' } })],
  [
    'missing-field',
    0,
    'a serial number in lower case',
    leafOnly({ subject: { commonName: 'module', serialNumber: '00112233445566ff' } }),
  ],
  [
    'missing-field',
    0,
    'a customer in an operating certificate',
    leafOnly(withExtension(operating, extensionOids.customer, { value: der.octetString(unit.customer!) })),
  ],
  ['subject-serial', 0, 'another module', { ...good, serial: new Uint8Array(8) }],
  ['customer-differs', 0, 'a binding to another customer', { ...good, chain: [otherCustomer, unit] }],
  [
    'test-certificate',
    2,
    'a test root',
    {
      ...good,
      chain: [marked.certificates['module-operating'], marked.certificates.unit],
      anchor: marked.certificates['manufacturer-root'],
    },
  ],
  [
    'test-certificate',
    1,
    'a test root of which only the key is known',
    {
      ...good,
      chain: [marked.certificates['module-operating'], marked.certificates.unit],
      anchor: { publicPoint: root.publicPoint, role: 'manufacturer-root' },
    },
  ],
  [
    'test-marker',
    0,
    'a test leaf under a unit that is none',
    { ...leafOnly(withExtension(operating, extensionOids.test, {})), insecureAcceptTest: true },
  ],
  [
    'test-marker',
    0,
    'a leaf without the marker of its unit',
    {
      ...good,
      chain: [operating, marked.certificates.unit],
      anchor: marked.certificates['manufacturer-root'],
      insecureAcceptTest: true,
    },
  ],
]

test('a good path holds, from a certificate and from a bare key', () => {
  assert.deepEqual(checkPath(good, crypto), { ok: true, leaf: operating })
  const anchor = { publicPoint: root.publicPoint, role: 'manufacturer-root' } as const
  assert.ok(checkPath({ ...good, anchor }, crypto).ok)
  const central = { ...good, chain: [certificates['central-system'], unit], role: 'central-system' } as const
  const { serial: _, ...noSerial } = central
  assert.ok(checkPath(noSerial, crypto).ok)
})

test('the central system checks modules from the key of its unit alone', () => {
  const anchor = { publicPoint: unit.publicPoint, role: 'unit' } as const
  assert.ok(checkPath({ ...good, chain: [operating], anchor }, crypto).ok)
  assert.ok(checkPath({ ...good, chain: [operating], anchor: unit }, crypto).ok)
  const elsewhere = { ...anchor, customer: ascii('customer 0000002') }
  const result = checkPath({ ...good, chain: [operating], anchor: elsewhere }, crypto)
  assert.equal(!result.ok && result.reason, 'customer-differs')
})

test('a certificate of every role holds under the role that may issue it, and under no other', () => {
  for (const name of Object.keys(roles) as RoleName[]) {
    for (const issuer of roleRow(name).issuedBy) {
      if (issuer === 'self') continue
      const anchor = certificates[issuer as RoleName]
      const leaf = issuer === roleRow(name).issuedBy[0] ? certificates[name] : undefined
      if (leaf) assert.ok(checkPath({ chain: [leaf], anchor, role: name, at }, crypto).ok, name)
    }
    for (const by of ['manufacturer-root', 'unit', 'authority'] as const) {
      const row = roleRow(name)
      const carried = certificates[name]
      const leaf = issue({
        role: name,
        by,
        serialNumber: Uint8Array.of(3),
        subject: carried.subject,
        publicPoint: carried.publicPoint,
        ...(row.carries.includes('customer') && { customer: unit.customer! }),
        ...(row.carries.includes('binding') && { binding: operating.binding! }),
      })
      const result = checkPath({ chain: [leaf], anchor: certificates[by], role: name, at }, crypto)
      assert.equal(result.ok, row.issuedBy.includes(by), `${name} by ${by}`)
      if (!result.ok) assert.equal(result.reason, 'role-issuer', `${name} by ${by}`)
    }
  }
})

test('the first and the last second of a validity are inside', () => {
  const [notBefore, notAfter] = [at, at + 10]
  const input = leafOnly({ notBefore, notAfter })
  assert.ok(checkPath({ ...input, at: notBefore }, crypto).ok)
  assert.ok(checkPath({ ...input, at: notAfter }, crypto).ok)
})

test('a test chain holds only where test certificates are accepted', () => {
  const input: PathInput = {
    ...good,
    chain: [marked.certificates['module-operating'], marked.certificates.unit],
    anchor: marked.certificates['manufacturer-root'],
  }
  assert.ok(checkPath({ ...input, insecureAcceptTest: true }, crypto).ok)
  assert.equal(checkPath(input, crypto).ok, false)
})

for (const [reason, link, what, input] of broken) {
  test(`a path with ${what} is refused: ${reason}`, () => {
    assert.deepEqual(checkPath(input, crypto), { ok: false, link, reason, text: pathReasons[reason] })
  })
}

test('every reason has a certificate that is broken so', () => {
  const shown = new Set(broken.map(([reason]) => reason))
  for (const reason of Object.keys(pathReasons) as PathReason[]) assert.ok(shown.has(reason), reason)
})

const openssl = spawnSync('openssl', ['version'])
if (openssl.status === 0) {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-x509-'))
  after(() => rmSync(folder, { recursive: true }))

  const pem = (name: string, list: readonly Certificate[]): string => {
    const file = join(folder, `${name}.pem`)
    writeFileSync(file, list.map(({ encoded }) => certificateToPem(encoded)).join(''))
    return file
  }
  const opensslAccepts = (input: PathInput, anchor: Certificate): boolean => {
    const [leaf, ...above] = input.chain
    const untrusted = above.length === 0 ? [] : ['-untrusted', pem('above', above)]
    const words = ['verify', '-x509_strict', '-attime', String(input.at), '-CAfile', pem('root', [anchor])]
    return spawnSync('openssl', [...words, ...untrusted, pem('leaf', [leaf!])]).status === 0
  }

  test('[E4a] openssl verify accepts a certificate of every role', () => {
    for (const name of Object.keys(roles) as RoleName[]) {
      const chain: Certificate[] = []
      let role: RoleName = name
      for (;;) {
        const above = roleRow(role).issuedBy[0] as RoleName | 'self'
        if (above === 'self') break
        chain.push(certificates[role])
        role = above
      }
      if (chain.length === 0) chain.push(certificates[name])
      assert.ok(opensslAccepts({ ...good, chain }, certificates[role]), name)
    }
  })

  test('openssl verify refuses what does not hold by X.509 alone', () => {
    const byX509: ReadonlySet<PathReason> = new Set([
      'issuer-name',
      'signature',
      'not-yet-valid',
      'expired',
      'critical-extension',
      'path-length',
    ])
    let refused = 0
    for (const [reason, , what, input] of broken) {
      if (!byX509.has(reason) || !('tbs' in input.anchor)) continue
      // openssl does not look at a trusted root's own signature.
      if (what === 'a root that another key signed') continue
      assert.equal(opensslAccepts(input, input.anchor), false, what)
      refused++
    }
    assert.ok(refused > 6)
  })

  test('openssl prints the subject, the serial number and the extensions', () => {
    const words = ['x509', '-noout', '-text', '-in', pem('shown', [operating])]
    const text = execFileSync('openssl', words, { encoding: 'utf8' })
    assert.match(text, /Subject: CN = module, serialNumber = 0011223344556677/)
    assert.match(text, /Digital Signature, Key Agreement/)
    assert.ok(text.includes(roles['module-operating'].oid))
  })
} else if (process.env['CI']) {
  test('openssl is installed', () => assert.fail('the command openssl is missing'))
} else {
  process.stderr.write('x509: the command openssl is missing, certificates were not checked with it\n')
}

test('a root as a bare anchor serves as the root does, and one that does not hold is refused with its reason', () => {
  const anchor = anchorOf(root, { at }, crypto)
  assert.ok(checkPath({ ...good, anchor }, crypto).ok)
  const foreign = checkPath(
    { ...good, anchor: anchorOf(other.certificates['manufacturer-root'], { at }, crypto) },
    crypto,
  )
  assert.ok(!foreign.ok)
  const bent = root.signature.slice()
  bent[40]! ^= 1
  const refusals: [Certificate, number, PathReason][] = [
    [{ ...root, signature: bent }, at, 'signature'],
    [root, root.notBefore - 1, 'not-yet-valid'],
    [root, root.notAfter + 1, 'expired'],
    [operating, at, 'anchor-role'],
    [marked.certificates['manufacturer-root'], at, 'test-certificate'],
  ]
  for (const [certificate, when, reason] of refusals) {
    assert.throws(() => anchorOf(certificate, { at: when }, crypto), {
      name: 'AuthError',
      details: { certificate: pathReasons[reason] },
    })
  }
  assert.ok(anchorOf(marked.certificates['manufacturer-root'], { at, insecureAcceptTest: true }, crypto).test)
})
