import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeHex } from '../packages/core/src/bytes/index.ts'
import { portableCrypto as crypto } from '../packages/core/src/crypto/index.ts'
import {
  type Finding,
  noteSigner,
  type Passport,
  serializeNoteKey,
  serializePassport,
  verifyPassport,
} from '../packages/core/src/log/index.ts'
import { testOnlyStory } from '../packages/core/src/log/testing/index.ts'
import { certificateToPem, issueCertificate, parseCertificate } from '../packages/core/src/x509/index.ts'
import { testOnlyPki } from '../packages/core/src/x509/testing/index.ts'

const script = fileURLToPath(new URL('verify-passport.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'sealwright-passport-'))
after(() => rmSync(folder, { recursive: true }))

const story = testOnlyStory(crypto)
const { certificates, keys } = story.pki
const good = story.passport({ witness: story.witness })
const logKey = serializeNoteKey({ ...story.log, algorithm: 'ed25519' }, crypto)
const witnessKey = serializeNoteKey({ ...story.witness, algorithm: 'cosignature' }, crypto)
const otherPki = testOnlyPki(crypto, 'b')
const testPki = testOnlyPki(crypto, 'a', true)

let files = 0
function file(bytes: Uint8Array | string): string {
  files += 1
  const path = join(folder, String(files))
  writeFileSync(path, bytes)
  return path
}

const rootFile = file(certificateToPem(certificates['manufacturer-root'].encoded))
const authorityFile = file(certificateToPem(certificates.authority.encoded))
const nonce = ['--nonce', encodeHex(story.nonce)]
const witness = ['--witness', witnessKey]

interface Run {
  readonly status: number | null
  readonly lines: Readonly<Record<string, string>>
  readonly errors: string
}

/** Runs the script as a process of its own. */
async function run(words: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, [script, ...words])
  let [output, errors] = ['', '']
  child.stdout.on('data', (data) => (output += data))
  child.stderr.on('data', (data) => (errors += data))
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  const lines: Record<string, string> = {}
  for (const line of output.trimEnd().split('\n')) {
    const [, verdict, check] = /^(verified|failed|unverified)\t([a-z-]+): ./.exec(line) ?? []
    lines[check ?? line] = verdict ?? 'no verdict'
  }
  return { status, lines, errors }
}

function verify(passport: Passport | Uint8Array, ...words: string[]): Promise<Run> {
  const bytes = passport instanceof Uint8Array ? passport : serializePassport(passport)
  return run(['--log-key', logKey, '--root', rootFile, ...words, file(bytes)])
}

function those({ lines }: Run, verdict: Finding['verdict']): string[] {
  return Object.keys(lines).filter((check) => lines[check] === verdict)
}

test('[X1f] the script is short and imports nothing but Node', () => {
  const source = readFileSync(script, 'utf8')
  assert.ok(source.split('\n').length <= 150)
  const imported = [...source.matchAll(/(?:from|import\(?|require\(?)\s*'([^']+)'/g)].map(([, name]) => name!)
  assert.ok(imported.length > 0)
  for (const name of imported) assert.ok(builtinModules.includes(name.replace(/^node:/, '')), name)
})

test('[X1f] a good passport is verified line by line, and what the script does not look at is unverified', async () => {
  const result = await verify(good, ...nonce, ...witness)
  assert.equal(result.status, 0)
  assert.deepEqual(those(result, 'failed'), [])
  assert.deepEqual(those(result, 'unverified'), ['party-roles', 'certificate-recorded'])
  assert.equal(Object.keys(result.lines).length, 15)
})

test('[X1f] what was not given is unverified', async () => {
  const result = await verify(good)
  assert.equal(result.status, 0)
  const open = ['log-witnesses', 'head-fresh', 'party-roles', 'certificate-recorded']
  assert.deepEqual(those(result, 'unverified'), open)
  const { checkpoint: _, head: __, start: ___, ...bare } = good
  const entries = good.entries.map(({ document, party }) => ({ document, party }))
  const less = await verify({ ...bare, chain: [], entries }, ...nonce, ...witness)
  assert.equal(less.status, 0)
  const verified = [
    'entries-readable',
    'entries-complete',
    'entries-linked',
    'party-signatures',
    'party-certificates',
  ]
  assert.deepEqual(those(less, 'verified'), verified)
})

test('[X1g] a passport with an entry left out fails', async () => {
  const { status, lines } = await verify(
    { ...good, entries: good.entries.toSpliced(3, 1) },
    ...nonce,
    ...witness,
  )
  assert.equal(status, 1)
  assert.equal(lines['entries-complete'], 'failed')
  const relinked = story.passport({
    entries: story.linked(story.entries.toSpliced(4, 1)),
    signers: story.signers.toSpliced(4, 1),
    head: story.head(story.entries),
    witness: story.witness,
  })
  const second = await verify(relinked, ...nonce, ...witness)
  assert.equal(second.status, 1)
  assert.deepEqual(those(second, 'failed'), ['head-matches'])
})

test('[X1h] a passport of a foreign log fails', async () => {
  const foreign = noteSigner(story.log.name, new Uint8Array(32).fill(5), crypto)
  const result = await verify(story.passport({ log: foreign, witness: story.witness }), ...nonce, ...witness)
  assert.equal(result.status, 1)
  assert.deepEqual(those(result, 'failed'), ['log-checkpoint'])
})

test('[X1i] a passport with a cut tail fails', async () => {
  const result = await verify({ ...good, entries: good.entries.slice(0, -1) }, ...nonce, ...witness)
  assert.equal(result.status, 1)
  assert.deepEqual(those(result, 'failed'), ['head-matches'])
})

test('[X1j] a passport of a log that its owner signed anew fails', async () => {
  const rewritten = story.passport({ others: 'something else' })
  const result = await verify(rewritten, ...nonce, ...witness)
  assert.equal(result.status, 1)
  assert.deepEqual(those(result, 'failed'), ['log-witnesses'])
  const changed = story.entries.map((entry, i) =>
    i === 4 ? { ...entry, digest: new Uint8Array(32) } : entry,
  )
  const history = story.passport({ entries: story.linked(changed), head: story.head(story.entries) })
  const second = await verify(history, ...nonce)
  assert.equal(second.status, 1)
  assert.deepEqual(those(second, 'failed'), ['head-matches'])
})

const swapped = [...good.entries.slice(0, 2), good.entries[3]!, good.entries[2]!, ...good.entries.slice(4)]
const withEntry = (index: number, change: Partial<Passport['entries'][number]>): Passport => ({
  ...good,
  entries: good.entries.map((one, i) => (i === index ? { ...one, ...change } : one)),
})

/** An identity certificate that a unit issued, which no unit may. */
const byUnit = issueCertificate(
  {
    role: 'module-identity',
    serialNumber: Uint8Array.of(9),
    subject: certificates['module-identity'].subject,
    publicPoint: certificates['module-identity'].publicPoint,
    notBefore: certificates.unit.notBefore,
    notAfter: certificates.unit.notAfter,
    issuer: certificates.unit,
  },
  (tbs) => keys.unit.sign(tbs),
  crypto,
)
const identityHead = story.head(story.entries, 'identity')

const cases: [string, Passport, (readonly string[])?][] = [
  ['a good one by the identity key', story.passport({ head: identityHead, witness: story.witness })],
  ['no entries', { ...good, entries: [] }],
  ['an entry that cannot be read', withEntry(2, { document: new Uint8Array(9) })],
  ['entries in another order', { ...good, entries: swapped }],
  ['another start', { ...good, start: { ...story.start, romDigest: new Uint8Array(32) } }],
  ['an entry under the key of another party', withEntry(1, { party: 0 })],
  ['a proof of another place', withEntry(1, { inclusion: { ...good.entries[1]!.inclusion!, index: 0 } })],
  ['a proof of another entry', withEntry(1, { inclusion: good.entries[2]!.inclusion! })],
  ['a place outside the log', withEntry(1, { inclusion: { ...good.entries[1]!.inclusion!, index: 999 } })],
  ['a checkpoint that cannot be read', { ...good, checkpoint: 'checkpoint' }],
  ['certificates of the other key', { ...good, chain: [certificates['module-identity'].encoded] }],
  ['no certificates', { ...good, chain: [] }],
  [
    'a module of another manufacturer',
    {
      ...good,
      chain: [otherPki.certificates['module-operating'].encoded, otherPki.certificates.unit.encoded],
    },
  ],
  [
    'a module with test keys',
    { ...good, chain: [testPki.certificates['module-operating'].encoded, testPki.certificates.unit.encoded] },
  ],
  [
    'an identity certificate issued by a unit',
    {
      ...story.passport({ head: identityHead, witness: story.witness }),
      chain: [byUnit, certificates.unit.encoded],
    },
  ],
  [
    'a head with a changed signature',
    { ...good, head: { ...good.head!, signature: new Uint8Array(64).fill(1) } },
  ],
  ['a head of a higher number', { ...good, head: { ...good.head!, number: 8 } }],
  ['a head of number zero', { ...good, head: { ...good.head!, number: 0 } }],
  ['an older head', { ...good, head: story.head(story.entries.slice(0, 6)) }],
  ['a passport under another serial number', { ...good, serial: new Uint8Array(8) }],
  [
    'a party of another manufacturer',
    {
      ...good,
      parties: good.parties.map((party, i) =>
        i === 0 ? { chain: [otherPki.certificates.mounter.encoded] } : party,
      ),
    },
  ],
  [
    'a party with a bare key',
    {
      ...good,
      parties: good.parties.map((party, i) => (i === 0 ? { point: keys.mounter.publicPoint } : party)),
    },
  ],
  [
    'an entry from before its certificate was valid',
    story.passport({
      entries: story.entries.map((entry, i) => (i === 6 ? { ...entry, at: 1000 } : entry)),
      witness: story.witness,
    }),
  ],
  [
    'a party that signs under another name',
    story.passport({
      entries: story.entries.map((entry, i) => (i === 6 ? { ...entry, party: 'Somebody' } : entry)),
      witness: story.witness,
    }),
  ],
  [
    'an operator under the authority',
    story.passport({
      entries: story.entries.map((entry, i) => (i === 6 ? { ...entry, party: 'Example operator' } : entry)),
      signers: [...story.signers.slice(0, 6), 'operator'],
      witness: story.witness,
    }),
  ],
]
const notByScript: readonly string[] = ['party-roles', 'certificate-recorded']

test('the script and the library give the same verdicts', async () => {
  for (const [what, passport] of cases) {
    for (const withAuthority of [false, true]) {
      if (withAuthority && what !== 'an operator under the authority') continue
      const more = withAuthority ? ['--party-root', authorityFile] : []
      const { lines, status } = await verify(passport, ...nonce, ...witness, ...more)
      const findings = verifyPassport(
        {
          passport,
          logKey: { ...story.log, algorithm: 'ed25519' },
          manufacturerRoot: certificates['manufacturer-root'],
          at: Math.floor(Date.now() / 1000),
          nonce: story.nonce,
          witnesses: [{ ...story.witness, algorithm: 'cosignature' }],
          partyRoots: withAuthority ? [certificates.authority] : [],
        },
        crypto,
      ).filter(({ check }) => !notByScript.includes(check))
      const expected = Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]))
      const printed = Object.fromEntries(
        Object.entries(lines).filter(([check]) => !notByScript.includes(check)),
      )
      if (expected['entries-readable'] === 'failed') {
        // The script ends where it cannot read.
        assert.deepEqual(printed, { 'entries-readable': 'failed' }, what)
      } else {
        assert.deepEqual(printed, expected, what)
      }
      const failed = findings.some(({ verdict }) => verdict === 'failed')
      assert.equal(status, failed ? 1 : 0, what)
    }
  }
})

test('another root, another nonce, another witness and bytes that are no passport fail', async () => {
  const passport = file(serializePassport(good))
  const other = file(certificateToPem(otherPki.certificates['manufacturer-root'].encoded))
  const foreignRoot = await run(['--log-key', logKey, '--root', other, passport])
  assert.equal(foreignRoot.status, 1)
  assert.deepEqual(those(foreignRoot, 'failed'), ['head-certificate'])
  const otherNonce = await verify(good, '--nonce', '00'.repeat(16))
  assert.equal(otherNonce.status, 1)
  assert.deepEqual(those(otherNonce, 'failed'), ['head-fresh'])
  const stranger = noteSigner('witness.example/w2', new Uint8Array(32), crypto)
  const second = serializeNoteKey({ ...stranger, algorithm: 'cosignature' }, crypto)
  const otherWitness = await verify(good, ...witness, '--witness', second)
  assert.equal(otherWitness.status, 1)
  assert.deepEqual(those(otherWitness, 'failed'), ['log-witnesses'])
  const bytes = serializePassport(good)
  for (const broken of [new Uint8Array(), bytes.slice(0, -1), Uint8Array.from([...bytes, 0])]) {
    const result = await verify(broken)
    assert.equal(result.status, 1)
    assert.deepEqual(result.lines, { 'entries-readable': 'failed' })
  }
})

test('[X1f] without log key or root from the command line the script does not begin', async () => {
  const passport = file(serializePassport(good))
  for (const words of [
    [passport],
    ['--log-key', logKey, passport],
    ['--root', rootFile, passport],
    ['--log-key', logKey, '--root', rootFile],
  ]) {
    const { status, lines, errors } = await run(words)
    assert.equal(status, 2)
    assert.deepEqual(lines, { '': 'no verdict' })
    assert.match(errors, /--log-key KEY --root/)
  }
})

test('the roles in the script are those of the catalog', async () => {
  // Every role's certificate stands under its issuers in the script as in the library, shown through the parties of an entry.
  assert.ok(parseCertificate(byUnit).role === 'module-identity')
  const source = readFileSync(script, 'utf8')
  const { roles } = await import('../packages/core/src/x509/index.ts')
  const number = (name: keyof typeof roles): number => Number(roles[name].oid.split('.').at(-1))
  const table: Record<string, number[]> = {}
  for (const [name, { issuedBy }] of Object.entries(roles)) {
    const by = (issuedBy as readonly string[]).filter((one) => one !== 'self')
    if (by.length > 0) {
      table[String(number(name as keyof typeof roles))] = by.map((one) => number(one as keyof typeof roles))
    }
  }
  const [, literal] = /const issuers = \{(.*)\}/.exec(source) ?? []
  const json = `{${literal!.replace(/(\d+):/g, '"$1":')}}`
  assert.deepEqual(JSON.parse(json), table)
})
