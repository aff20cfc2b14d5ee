import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseNoteKey, parsePassport, verifyPassport } from '@sealwright/core/log'
import { extensionOids, parseCertificate, pemToCertificates } from '@sealwright/core/x509'
import { nodeCrypto } from '@sealwright/node/crypto'
import { commandLine, commandLineJson } from './run.ts'

const serial = '0000000000000009'
const script = fileURLToPath(new URL('../../../tools/verify-passport.mjs', import.meta.url))
let folder: string

async function done(...args: string[]): Promise<void> {
  const ran = await commandLine(folder, args)
  assert.equal(ran.status, 0, `${args.join(' ')}\n${ran.stderr}`)
}

/** Must fail with this code, which has a remedy. */
async function refused(code: string, ...args: string[]): Promise<string> {
  const { status, json } = await commandLineJson(folder, args)
  assert.notEqual(status, 0, args.join(' '))
  assert.equal(json['error'].code, code, `${args.join(' ')}: ${json['error'].message}`)
  assert.ok(json['error'].remedy.length > 0)
  return json['error'].message
}

async function told(...args: string[]) {
  const { status, json, stderr } = await commandLineJson(folder, args)
  assert.equal(status, 0, `${args.join(' ')}\n${stderr}`)
  return json
}

const customize = [
  ...['issuer', 'customize', '--module', 'x.chip', '--mask', 'lab', '--product', 'cash'],
  ...['--papers', 'x.papers', '--request', 'x.request'],
]
const personalize = [
  ...['unit', 'personalize', '--module', 'x.chip', '--serial', serial, '--certificate', 'certs/unit.pem'],
  ...['--root', 'certs/test-root.pem', '--central', 'central.request'],
  ...['--central-fingerprint-file', 'central.print', '--out', 'certs/operating.pem'],
]

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-test-modules-'))
  await done('init', '.')
  await done('init', 'real')
  await done('manufacturer', 'init-root', '--workspace', 'real', '--out', 'certs/real-root.pem')
  await done('manufacturer', 'init-root', '--insecure-test-root', '--out', 'certs/test-root.pem')
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('[X9c] the whole life of a test module by command line: every party is told, and the identity certificate shows the mark', async () => {
  assert.equal(
    (await told('issuer', 'mask', 'lab', '--test', '--out', 'lab.mask', '--eeprom', '65536'))['test'],
    true,
  )
  await refused('test-mark-differs', 'issuer', 'mask', 'lab', '--out', 'lab.mask')
  assert.equal((await told('inspect', 'lab.mask'))['test'], true)
  const produced = await told('manufacturer', 'produce', 'lab.mask', 'x.chip', '--delivery-note', 'lab.note')
  assert.equal(produced['test'], true)
  const mounted = await told(
    ...['mounter', 'mount', '--module', 'x.chip', '--serial', serial, '--delivery-note', 'lab.note'],
  )
  assert.equal(mounted['test'], true)
  await done('issuer', 'unlock', '--module', 'x.chip', '--mask', 'lab')
  const message = await refused(
    'test-mark-differs',
    ...customize,
    '--manufacturer-root',
    'certs/real-root.pem',
  )
  assert.match(message, /the chip is a test module, and the manufacturer's root is no test root/)
  await done(...customize, '--manufacturer-root', 'certs/test-root.pem')
  assert.match(
    await refused(
      'test-mark-differs',
      ...['manufacturer', 'certify-module', 'x.request', '--workspace', 'real', '--out', 'no.pem'],
    ),
    /of a test module, and this root signs none/,
  )
  const certified = await told('manufacturer', 'certify-module', 'x.request', '--out', 'certs/identity.pem')
  assert.equal(certified['test'], true)
  await done(
    ...['issuer', 'finish', '--module', 'x.chip', '--mask', 'lab'],
    ...['--certificate', 'certs/identity.pem', '--irreversible'],
  )

  assert.equal((await told('module', 'show', '--module', 'x.chip'))['test'], true)
  const shown = await commandLine(folder, ['module', 'show', '--module', 'x.chip'])
  assert.match(shown.stdout, /test +yes: a test module/)
  assert.match(shown.stdout, /identity +module \(test\)/)
  assert.match((await commandLine(folder, ['module', 'list', 'x.chip'])).stdout, /user +yes/)
  assert.match((await commandLine(folder, ['inspect', 'certs/identity.pem'])).stdout, /made with test keys/)

  await done(
    ...['unit', 'request', '--customer', 'Lab', '--out', 'unit.request', '--fingerprint-out', 'unit.print'],
  )
  await done(
    ...['manufacturer', 'certify-unit', 'unit.request', '--fingerprint-file', 'unit.print'],
    ...['--out', 'certs/unit.pem'],
  )
  await done('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
  assert.match(await refused('certificate-refused', ...personalize), /made with test keys/)
  await done(...personalize, '--insecure-accept-test')
  const session = ['central', 'session', '--module', 'x.chip', '--unit', 'certs/unit.pem']
  assert.match(await refused('certificate-refused', ...session), /made with test keys/)
  await done(...session, '--insecure-accept-test')
  for (const party of ['supplier', 'operator', 'authority']) {
    await refused('certificate-refused', party, 'trust', 'certs/test-root.pem')
    await done(party, 'trust', 'certs/test-root.pem', '--insecure-test-root')
  }
})

test('[X9c] a passport of a test module says so; it fails for a stranger who did not ask for test modules', async () => {
  const writers = ['mounter', 'issuer', 'unit']
  for (const party of writers) await done('outbox', party, '--out', `${party}.entries`)
  await done('log', 'append', ...writers.map((party) => `${party}.entries`))
  const logKey = (await told('log', 'key'))['key'] as string
  assert.equal((await told('passport', serial, '--module', 'x.chip', '--out', 'x.passport'))['test'], true)
  assert.match((await commandLine(folder, ['inspect', 'x.passport'])).stdout, /of a test module/)

  const question = {
    passport: parsePassport(readFileSync(join(folder, 'x.passport'))),
    logKey: parseNoteKey(logKey, nodeCrypto),
    manufacturerRoot: parseCertificate(
      pemToCertificates(readFileSync(join(folder, 'certs/test-root.pem'), 'utf8'))[0]!,
    ),
    at: Math.floor(Date.now() / 1000),
  }
  const finding = (insecureAcceptTest: boolean) =>
    verifyPassport({ ...question, insecureAcceptTest }, nodeCrypto).find(
      ({ check }) => check === 'head-certificate',
    )
  assert.equal(finding(false)?.verdict, 'failed')
  assert.match(finding(false)?.explanation ?? '', /made with test keys/)
  assert.equal(finding(true)?.verdict, 'verified')
  assert.match(finding(true)?.explanation ?? '', /of a test module/)
  const checked = spawnSync(
    process.execPath,
    [script, '--log-key', logKey, '--root', 'certs/test-root.pem', 'x.passport'],
    { cwd: folder, encoding: 'utf8' },
  )
  assert.equal(checked.status, 1)
  assert.equal(checked.status, 1)
  assert.match(checked.stdout, /failed\thead-certificate: .*is made with test keys/)
})

test('[X9c] openssl verifies a marked chain, and shows the mark by its object identifier', () => {
  if (spawnSync('openssl', ['version']).status !== 0) {
    process.stderr.write(
      'test modules: the command openssl is missing, certificates were not checked with it\n',
    )
    return
  }
  const text = (file: string) =>
    execFileSync('openssl', ['x509', '-in', join(folder, 'certs', file), '-noout', '-text'], {
      encoding: 'utf8',
    })
  for (const file of ['test-root.pem', 'identity.pem', 'unit.pem', 'operating.pem']) {
    assert.ok(text(file).includes(extensionOids.test), file)
  }
  assert.ok(!text('real-root.pem').includes(extensionOids.test))
  const verify = ['verify', '-x509_strict', '-CAfile', join(folder, 'certs/test-root.pem')]
  const verified = execFileSync('openssl', [...verify, join(folder, 'certs/identity.pem')], {
    encoding: 'utf8',
  })
  assert.match(verified, /OK/)
})
