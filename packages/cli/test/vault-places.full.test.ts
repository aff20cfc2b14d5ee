// A process of its own: SoftHSM reads its configuration from the environment.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeSoftToken, needToken, type SoftToken, tellWhyNoToken } from '@sealwright/node/testing'
import { commandLine, commandLineJson, type JsonObject, sealwright } from './run.ts'

const top = mkdtempSync(join(tmpdir(), 'sealwright-vault-places-'))
const before = process.env['SOFTHSM2_CONF']
after(() => {
  if (before === undefined) delete process.env['SOFTHSM2_CONF']
  else process.env['SOFTHSM2_CONF'] = before
  rmSync(top, { recursive: true })
})

const secret = 'Kater 4711'
const secretFile = join(top, 'secret')
writeFileSync(secretFile, `${secret}\n`)
const wrongFile = join(top, 'wrong')
writeFileSync(wrongFile, 'Kater 4712\n')
const given = ['--keys-secret', secretFile]
const serial = '0000000000000001'
const root = 'certs/root.pem'
const central = ['--central', 'central.request', '--central-fingerprint-file', 'central.print']

async function done(folder: string, ...args: string[]): Promise<void> {
  const ran = await commandLine(folder, args)
  assert.equal(ran.status, 0, `${args.join(' ')}\n${ran.stderr}`)
}

async function json(folder: string, ...args: string[]): Promise<JsonObject> {
  return (await commandLineJson(folder, args)).json
}

const unitKey = [
  'unit',
  'request',
  '--customer',
  'Bank',
  '--out',
  'unit.request',
  '--fingerprint-out',
  'unit.print',
]
const personalize = [
  ...['unit', 'personalize', '--module', 'cash.chip', '--serial', serial, '--root', root],
  ...['--certificate', 'certs/unit.pem', ...central, '--out', 'certs/operating.pem'],
]

/** A module that waits for its personalization; every party but those named in bare files. */
async function factory(folder: string): Promise<void> {
  await done(folder, 'issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536', ...given)
  await done(folder, 'manufacturer', 'init-root', '--out', root, ...given)
  await done(
    folder,
    'manufacturer',
    'produce',
    'fleet.mask',
    'cash.chip',
    '--delivery-note',
    'fleet.note',
    ...given,
  )
  await done(
    folder,
    ...[
      'mounter',
      'mount',
      '--module',
      'cash.chip',
      '--serial',
      serial,
      '--delivery-note',
      'fleet.note',
      ...given,
    ],
  )
  await done(folder, 'issuer', 'unlock', '--module', 'cash.chip', '--mask', 'fleet', ...given)
  await done(
    folder,
    ...['issuer', 'customize', '--module', 'cash.chip', '--mask', 'fleet', '--product', 'terminal', ...given],
    ...['--manufacturer-root', root, '--papers', 'cash.papers', '--request', 'cash.request'],
  )
  await done(folder, 'manufacturer', 'certify-module', 'cash.request', '--out', 'certs/cash.pem', ...given)
  await done(
    folder,
    ...['issuer', 'finish', '--module', 'cash.chip', '--mask', 'fleet', ...given],
    ...['--certificate', 'certs/cash.pem', '--irreversible'],
  )
  await done(folder, ...unitKey, ...given)
  await done(
    folder,
    ...['manufacturer', 'certify-unit', 'unit.request', '--fingerprint-file', 'unit.print', ...given],
    ...['--out', 'certs/unit.pem'],
  )
  await done(
    folder,
    'central',
    'key',
    '--out',
    'central.request',
    '--fingerprint-out',
    'central.print',
    ...given,
  )
}

/** An independent look at what the unit's key signed. */
function opensslVerifies(folder: string): void {
  const path = (name: string) => join(folder, name)
  const { stdout, stderr } = spawnSync(
    'openssl',
    [
      'verify',
      '-ignore_critical',
      '-CAfile',
      path(root),
      '-untrusted',
      path('certs/unit.pem'),
      path('certs/operating.pem'),
    ],
    { encoding: 'utf8' },
  )
  assert.match(stdout, /: OK/, stderr)
}

function filesOf(folder: string): Buffer[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
}

suite('keys under a passphrase', () => {
  const work = join(top, 'passphrase')

  test('[B3c] a unit whose key lies in an encrypted file personalizes a module, and says what is weaker', async () => {
    await done(top, 'init', work)
    await done(work, 'protect-keys', 'unit', '--new-passphrase', secretFile)
    assert.equal((await json(work, 'keys', 'unit', ...given))['place'], 'passphrase')
    await factory(work)
    const signed = await commandLine(work, [...personalize, ...given])
    assert.equal(signed.status, 0, signed.stderr)
    assert.match(signed.stderr, /signed as unit with a key in files encrypted under a passphrase/)
    const keys = await commandLine(work, ['keys', 'unit', ...given])
    assert.match(keys.stdout, /files encrypted under a passphrase \(weak/)
    assert.match(keys.stdout, /two people for each signature, the count of a ticket, exactly one log entry/)
    opensslVerifies(work)
  })

  test('[B3d] a copy of the disk signs nothing without the passphrase, and everything with it', async () => {
    const copy = join(top, 'stolen')
    cpSync(work, copy, { recursive: true })
    const none = await json(copy, ...unitKey)
    assert.equal(none['error'].code, 'keys-secret-missing')
    const wrong = await commandLineJson(copy, [...unitKey, '--keys-secret', wrongFile])
    assert.equal(wrong.json['error'].code, 'keys-passphrase-wrong')
    assert.ok(!`${wrong.stdout}${wrong.stderr}`.includes('4712'))
    const signed = await json(copy, ...unitKey, ...given)
    assert.deepEqual(signed['signedWith'], [
      {
        party: 'unit',
        key: 'signing',
        place: 'passphrase',
        enforced: ['copy-signs-nothing'],
        notEnforced: ['key-stays-inside', 'two-people', 'ticket-count', 'one-log-entry'],
      },
    ])
    assert.ok(!filesOf(join(copy, 'unit')).some((bytes) => bytes.includes(secret)))
  })

  test('a passphrase is changed; a refusal changes nothing', async () => {
    const before = readFileSync(join(work, 'unit/keys/vault.key'))
    const wrong = await json(
      work,
      'protect-keys',
      'unit',
      '--new-passphrase',
      wrongFile,
      '--keys-secret',
      wrongFile,
    )
    assert.equal(wrong['error'].code, 'keys-passphrase-wrong')
    assert.deepEqual(readFileSync(join(work, 'unit/keys/vault.key')), before)
    await done(work, 'protect-keys', 'unit', '--new-passphrase', wrongFile, ...given)
    assert.equal((await json(work, 'keys', 'unit', ...given))['error'].code, 'keys-passphrase-wrong')
    assert.equal((await json(work, 'keys', 'unit', '--keys-secret', wrongFile))['ok'], true)
  })
})

const missing = await tellWhyNoToken(import.meta.url)
test('a token can be had here, or this is not CI', () => needToken(missing))
if (missing === undefined) {
  const token = await makeSoftToken(join(top, 'hsm'), {
    label: 'Bank HSM',
    pin: secret,
    officerPin: 'officer-1',
  })
  suite('keys in a token, through PKCS#11', () => withToken(token))
}

function withToken(token: SoftToken): void {
  const work = join(top, 'token')
  const keys = ['--keys', token.address]

  test('a wrong PIN makes no workspace', async () => {
    const made = await json(top, 'init', work, ...keys, '--keys-secret', wrongFile)
    assert.equal(made['error'].code, 'token-pin-wrong')
    assert.equal(made['error'].details.tries, 'few')
    assert.ok(!existsSync(work))
  })

  test('[E3a] every party keeps its signing keys in the HSM, from the mask to the operating module', async () => {
    const made = await json(top, 'init', work, ...keys, ...given)
    assert.deepEqual(made['keys'], {
      place: 'pkcs11',
      enforced: ['copy-signs-nothing', 'key-stays-inside'],
      notEnforced: ['two-people', 'ticket-count', 'one-log-entry'],
    })
    await factory(work)
    for (const party of ['issuer', 'manufacturer', 'unit', 'central', 'log']) {
      const listed = await json(work, 'keys', party, ...given)
      assert.equal(listed['place'], 'pkcs11')
      const pairs = (listed['keys'] as { name: string; kind: string }[]).filter(
        ({ kind }) => kind !== 'secret',
      )
      assert.ok(pairs.length > 0)
      for (const { name } of pairs) {
        assert.ok(!existsSync(join(work, party, 'keys', `${name}.p256.der`)), `${party}/${name}`)
        assert.ok(!existsSync(join(work, party, 'keys', `${name}.p256.der.sealed`)), `${party}/${name}`)
      }
    }
  })

  test('[B3b] the unit signs with the key in the HSM, and says what an HSM cannot enforce', async () => {
    const signed = await commandLineJson(work, [...personalize, ...given])
    assert.equal(signed.status, 0, signed.stdout)
    const unit = (signed.json['signedWith'] as JsonObject[]).find(({ party }) => party === 'unit')!
    assert.equal(unit['place'], 'pkcs11')
    assert.deepEqual(unit['notEnforced'], ['two-people', 'ticket-count', 'one-log-entry'])
    opensslVerifies(work)
    const help = sealwright(work, ['unit', 'personalize', '--help']).stdout.replace(/\s+/g, ' ')
    assert.match(help, /an HSM or token, through PKCS#11 \(it signs whatever digest/)
    assert.match(help, /nothing there enforces two people for each signature, the count of a ticket/)
    const shown = await commandLine(work, ['keys', 'unit', ...given])
    assert.match(shown.stdout, /nothing there enforces two people/)
  })

  test('[E3a] the loader keeps T, KS and application keys in the HSM, and a module gets its key from there', async () => {
    await done(work, 'loader', 'set', 'new', '--in-vault', ...given)
    await done(
      work,
      'loader',
      'key',
      'new',
      '--in-vault',
      '--reference',
      '0x00010A01',
      '--diversified',
      ...given,
    )
    await done(
      work,
      'module',
      'install-t',
      '--module',
      'cash.chip',
      '--papers',
      'cash.papers',
      '--set',
      '1',
      ...given,
    )
    await done(
      work,
      'module',
      'prepare',
      '--module',
      'cash.chip',
      '--place',
      '0x00200101',
      '--out',
      'fuel.key-request',
      ...given,
    )
    const exported = await json(
      work,
      ...['loader', 'key', 'export', 'fuel.key-request', '--in-vault', '--out', 'fuel.key-message', ...given],
    )
    assert.equal(exported['enforcedBy'], 'host')
    assert.equal(exported['vault'], 'pkcs11')
    await done(
      work,
      'module',
      'import-key',
      'fuel.key-message',
      '--module',
      'cash.chip',
      '--out',
      'fuel.key-receipt',
      ...given,
    )
    const verified = await json(
      work,
      'loader',
      'key',
      'verify-receipt',
      'fuel.key-receipt',
      '--in-vault',
      ...given,
    )
    assert.equal(verified['holds'], true, JSON.stringify(verified))
    const listed = await commandLine(work, ['loader', 'key', 'list', '--in-vault', ...given])
    assert.match(listed.stdout, /00010A01/)
    const both = await json(work, 'loader', 'key', 'list', '--in-vault', '--module', 'cash.chip', ...given)
    assert.equal(both['error'].code, 'usage')
  })

  test('[B3d] a copy of the disk without the token signs nothing, nor with the token and without its PIN', async () => {
    const copy = join(top, 'stolen-token')
    cpSync(work, copy, { recursive: true })
    assert.equal((await json(copy, ...unitKey))['error'].code, 'keys-secret-missing')
    assert.equal((await json(copy, ...unitKey, '--keys-secret', wrongFile))['error'].code, 'token-pin-wrong')
    // The thief has the folder, and a token of the same name.
    const away = join(top, 'away')
    renameSync(join(top, 'hsm'), away)
    try {
      await makeSoftToken(join(top, 'hsm'), { label: 'Bank HSM', pin: secret, officerPin: 'officer-1' })
      const other = await json(copy, ...unitKey, ...given)
      assert.equal(other['error'].code, 'token-missing', JSON.stringify(other))
      const loader = await json(copy, 'loader', 'key', 'list', '--in-vault', ...given)
      assert.equal(loader['error'].code, 'token-missing')
      const doctor = (await json(copy, 'doctor'))['findings'] as JsonObject[]
      const unit = doctor.find(({ name }) => name === 'keys-unit')!
      assert.equal(unit['state'], 'missing')
      assert.match(unit['what'], /token of unit is not there/)
    } finally {
      rmSync(join(top, 'hsm'), { recursive: true })
      renameSync(away, join(top, 'hsm'))
    }
    assert.equal((await json(work, ...unitKey, ...given))['ok'], true)
    assert.ok(!filesOf(work).some((bytes) => bytes.includes(secret)), 'no PIN lies in a file')
  })

  test('a PIN comes from the environment or the address, never from the command line', async () => {
    const variable = { ...process.env, SEALWRIGHT_KEYS_SECRET_UNIT: secret, NODE_OPTIONS: '' }
    const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))
    const ran = spawnSync(process.execPath, [launcher, 'keys', 'unit', '--json'], {
      cwd: work,
      env: variable,
      encoding: 'utf8',
    })
    assert.equal(ran.status, 0, ran.stderr)
    const inside = await json(top, 'init', join(top, 'x'), '--keys', `${token.address}&pin-value=1234`)
    assert.equal(inside['error'].code, 'usage')
    const source = join(top, 'source')
    await done(
      top,
      'init',
      source,
      '--party',
      'supplier',
      '--keys',
      `${token.address}&pin-source=file:${secretFile}`,
    )
    await done(source, 'keys', 'supplier')
  })

  test('work that several processes do at once is refused for keys in a token, and doctor tells of the token', async () => {
    const doctor = (await json(work, 'doctor'))['findings'] as JsonObject[]
    assert.equal(doctor.find(({ name }) => name === 'keys-unit')!['state'], 'ok')
    await done(
      work,
      'issuer',
      'lot',
      'new',
      'stock',
      '--mask',
      'fleet',
      '--count',
      '2',
      '--out',
      'stock.order',
      ...given,
    )
    await done(
      work,
      ...['manufacturer', 'produce', 'stock.order', '--count', '2', '--out', 'chips', ...given],
      ...['--delivery-note', 'stock.note'],
    )
    await done(
      work,
      ...['mounter', 'mount', '--chips', 'chips', '--first-serial', '0000000000001000', ...given],
      ...['--delivery-note', 'stock.note', '--mounted', 'stock.serials'],
    )
    const lot = await json(
      work,
      ...['issuer', 'lot', 'customize', 'stock', '--chips', 'chips', '--product', 'cash', ...given],
      ...['--manufacturer-root', root, '--serials', 'stock.serials', '--papers', 'papers'],
      ...['--requests', 'stock.requests'],
    )
    assert.equal(lot['error']?.code, 'vault-single', JSON.stringify(lot))
  })
}
