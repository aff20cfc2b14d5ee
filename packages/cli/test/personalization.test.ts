import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { keyPlaces } from '@sealwright/core/catalog'
import { openModuleFile } from '@sealwright/node/transport'
import { commandLine, commandLineJson } from './run.ts'

const root = 'certs/root.pem'
const serials = { plain: '0000000000000001', variant: '0000000000000002' }
const variants = ['bare-signature', 'circular-certification', 'central-key-bare', 'pair-at-manufacture']
let folder: string

async function done(...args: string[]): Promise<void> {
  const ran = await commandLine(folder, args)
  assert.equal(ran.status, 0, `${args.join(' ')}\n${ran.stderr}`)
}

/** A chip in user mode; `policy` are the variants that its product allows. */
async function chip(name: keyof typeof serials, policy: readonly string[]): Promise<void> {
  const file = `${name}.chip`
  await done('manufacturer', 'produce', 'fleet.mask', file, '--delivery-note', 'fleet.note')
  await done('mounter', 'mount', '--module', file, '--serial', serials[name], '--delivery-note', 'fleet.note')
  await done('issuer', 'unlock', '--module', file, '--mask', 'fleet')
  await done(
    ...['issuer', 'customize', '--module', file, '--mask', 'fleet', '--product', 'cash'],
    ...['--manufacturer-root', root, '--papers', `${name}.papers`, '--request', `${name}.request`],
    ...policy.flatMap((one) => ['--insecure-policy', one]),
  )
  const { parts } = openInside(file)
  assert.equal(parts.keys.has(keyPlaces.manufactured), policy.includes('pair-at-manufacture'))
  await close()
  await done('manufacturer', 'certify-module', `${name}.request`, '--out', `certs/${name}.pem`)
  await done(
    ...['issuer', 'finish', '--module', file, '--mask', 'fleet'],
    ...['--certificate', `certs/${name}.pem`, '--irreversible'],
  )
}

let opened: ReturnType<typeof openModuleFile> | undefined

function openInside(file: string) {
  opened = openModuleFile(join(folder, file))
  return opened.module
}

async function close(): Promise<void> {
  await opened?.close()
  opened = undefined
}

function personalizing(name: keyof typeof serials, ...more: string[]): string[] {
  return [
    ...['unit', 'personalize', '--module', `${name}.chip`, '--serial', serials[name]],
    ...['--root', root, '--central', 'central.request', ...more],
    ...(more.some((arg) => arg.startsWith('--central-fingerprint'))
      ? []
      : ['--central-fingerprint-file', 'central.print']),
  ]
}

/** As `module show` draws it. */
async function pictureOf(name: keyof typeof serials): Promise<string[]> {
  const { stdout } = await commandLine(folder, ['module', 'show', '--module', `${name}.chip`])
  const lines = stdout.split('\n').filter((line) => /^[+|]/.test(line))
  assert.equal(lines.length, 11)
  assert.match(lines.at(-1)!, /\[identity\]/)
  return lines
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-personalization-'))
  await done('init', '.')
  await done('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
  await done('manufacturer', 'init-root', '--out', root)
  await chip('plain', [])
  await chip('variant', variants)
  await done(
    'unit',
    'request',
    '--customer',
    'Example Bank',
    '--out',
    'unit.request',
    '--fingerprint-out',
    'unit.print',
  )
  await done(
    'manufacturer',
    'certify-unit',
    'unit.request',
    '--fingerprint-file',
    'unit.print',
    '--out',
    'certs/unit.pem',
  )
  await done('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
  await done(
    'central',
    'insecure-certify-unit',
    'unit.request',
    '--fingerprint-file',
    'unit.print',
    '--out',
    'certs/circular.pem',
  )
})

after(() => rmSync(folder, { recursive: true, force: true }))

describe('what is refused says why, and changes nothing', () => {
  test('another module than the order names', async () => {
    const args = personalizing('plain', '--certificate', 'certs/unit.pem').map((arg) =>
      arg === serials.plain ? serials.variant : arg,
    )
    const { status, json, stderr } = await commandLineJson(folder, args)
    assert.equal(status, 7)
    assert.equal(json['error'].code, 'wrong-module')
    assert.doesNotMatch(stderr, /identity\]|step \d of 5/)
    assert.deepEqual(json['error'].details, { ordered: serials.variant, connected: serials.plain })
  })

  test('[X8b] a certificate that does not fit: the failing link and the reason are named', async () => {
    const { status, json } = await commandLineJson(
      folder,
      personalizing('plain', '--certificate', 'certs/circular.pem'),
    )
    assert.equal(status, 3)
    const { code, culprit, details, remedy } = json['error']
    assert.deepEqual([code, culprit], ['certificate-refused', 'bytes'])
    assert.equal(details.certificate, "unit's certificate")
    assert.equal(details.reason, 'issuer-name')
    assert.match(remedy, /certificate/)
  })

  test('[C14b] a key whose fingerprint is another than the one told', async () => {
    const zeros = '00'.repeat(32)
    for (const args of [
      ['manufacturer', 'certify-unit', 'unit.request', '--out', 'other.pem', '--fingerprint', zeros],
      personalizing('plain', '--certificate', 'certs/unit.pem', '--central-fingerprint', zeros),
      [
        'central',
        'session',
        '--module',
        'plain.chip',
        '--unit',
        'certs/unit.pem',
        '--unit-fingerprint',
        zeros,
      ],
    ]) {
      const { status, json } = await commandLineJson(folder, args)
      assert.deepEqual([status, json['error'].code], [3, 'fingerprint-differs'], args.join(' '))
    }
  })

  test('[C14b] a key that came with nothing but itself: the fingerprint is needed', async () => {
    const without = personalizing('plain', '--certificate', 'certs/unit.pem').slice(0, -2)
    for (const args of [
      ['manufacturer', 'certify-unit', 'unit.request', '--out', 'other.pem'],
      ['central', 'insecure-certify-unit', 'unit.request', '--out', 'other.pem'],
      without,
    ]) {
      const { status, json } = await commandLineJson(folder, args)
      assert.deepEqual([status, json['error'].code], [2, 'usage'], args.join(' '))
      assert.match(json['error'].message, /fingerprint is needed/)
    }
    assert.ok(!readdirSync(folder).includes('other.pem'))
  })

  test('[C14b] a central system that names no unit gets no session, nor one with a certificate of another role', async () => {
    const none = await commandLineJson(folder, ['central', 'session', '--module', 'plain.chip'])
    assert.deepEqual([none.status, none.json['error'].code], [7, 'unit-unknown'])
    const args = ['central', 'session', '--module', 'plain.chip', '--unit', root]
    const other = await commandLineJson(folder, args)
    assert.deepEqual([other.status, other.json['error'].code], [2, 'usage'])
  })

  test('a module that is not personalized', async () => {
    const args = ['central', 'session', '--module', 'plain.chip', '--unit', 'certs/unit.pem']
    const { status, json } = await commandLineJson(folder, args)
    assert.deepEqual([status, json['error'].code], [7, 'wrong-state'])
  })

  test('[B7d][B8i] a variant that the product does not allow', async () => {
    for (const flag of ['--bare-signature', '--insecure-central-key-bare']) {
      const { status, json } = await commandLineJson(
        folder,
        personalizing('plain', '--certificate', 'certs/unit.pem', flag),
      )
      assert.deepEqual([status, json['error'].code], [6, 'module-wrong-data'])
    }
    const shown = await commandLineJson(folder, ['module', 'show', '--module', 'plain.chip'])
    assert.deepEqual([shown.json['state'], shown.json['trust']], ['awaiting-personalization', undefined])
  })
})

describe('personalization at the place of use', () => {
  test('[B9c] it runs with the folders of manufacturer, issuer, mounter and central system deleted', async () => {
    for (const party of readdirSync(folder)) {
      const gone = [
        'manufacturer',
        'issuer',
        'mounter',
        'operator',
        'supplier',
        'authority',
        'loader',
        'terminal',
      ]
      if (gone.includes(party)) rmSync(join(folder, party), { recursive: true })
    }
    const central = join(folder, 'central')
    renameSync(central, `${central}.away`)
    const args = personalizing(
      'plain',
      '--certificate',
      'certs/unit.pem',
      '--out',
      'certs/plain-operating.pem',
    )
    const picture = await pictureOf('plain')
    const first = await commandLineJson(folder, args)
    assert.equal(first.status, 0, first.stderr)
    // What the technician sees: which module it is before anything is signed, then each step.
    const said = first.stderr.split('\n').map((line) => line.replace(/^sealwright: /, ''))
    assert.equal(said[0], `module ${serials.plain}`)
    assert.deepEqual(said.slice(1, 12), picture)
    assert.notDeepEqual(await pictureOf('variant'), picture)
    assert.deepEqual(
      said.flatMap((line) => /^step (\d) of 5: /.exec(line)?.[1] ?? []),
      ['1', '2', '3', '4', '5'],
    )
    assert.deepEqual([first.json['state'], first.json['already']], ['operating', false])
    const again = await commandLineJson(folder, args)
    assert.equal(again.json['already'], true)
    assert.equal(again.json['certificate'], first.json['certificate'])
    renameSync(`${central}.away`, central)
  })

  test('[B8g] every variant that the product allows; the module says plausible only', async () => {
    const args = personalizing(
      'variant',
      ...['--certificate', 'certs/circular.pem', '--insecure-circular', '--bare-signature'],
      ...['--insecure-central-key-bare', '--out', 'variant.signature'],
    )
    await done(...args)
    const shown = await commandLineJson(folder, ['module', 'show', '--module', 'variant.chip'])
    assert.equal(shown.json['trust'], 'plausible only')
    const plain = await commandLineJson(folder, ['module', 'show', '--module', 'plain.chip'])
    assert.equal(plain.json['trust'], 'chain')
  })

  test('[B13d] the central system lives on its own: session, withdrawal granted and declined', async () => {
    rmSync(join(folder, 'unit'), { recursive: true })
    for (const [name, unit] of [
      ['plain', 'certs/unit.pem'],
      ['variant', 'certs/circular.pem'],
    ] as const) {
      const args = [
        'central',
        'session',
        '--module',
        `${name}.chip`,
        '--unit',
        unit,
        '--serial',
        serials[name],
      ]
      const session = await commandLineJson(folder, args)
      assert.equal(session.status, 0, session.stderr)
      assert.equal(session.json['payment'], undefined)
      const withdrawal = [...args, '--withdraw', '5000', '--account', 'DE02']
      const paid = await commandLineJson(folder, withdrawal)
      assert.equal(paid.json['payment'].paid, 5000)
      const declined = await commandLineJson(folder, [...withdrawal, '--decline'])
      assert.equal(declined.json['payment'].paid, 0)
    }
  })
})
