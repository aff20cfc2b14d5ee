import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Ran } from '../readers/index.ts'
import { bundleHost, makeCertificates, serialOf } from './certificates.ts'
import { needClients, PlainCard, tellWhyNoClients } from './plain-card.ts'

const missing = tellWhyNoClients(import.meta.url, { programs: ['openssl', 'opensc-tool'], python: true })
const password = 'password'
const enc = '10'.repeat(16)
const mac = '20'.repeat(16)
const dek = '30'.repeat(16)
const own = `${enc}:${mac}:${dek}`

test('ykman is here, or this is not CI', () => needClients(missing))

if (missing === undefined) {
  let card: PlainCard
  let files: string
  before(async () => {
    card = await PlainCard.insert()
    files = makeCertificates(card.folder())
    bundleHost(files, password)
  })
  after(() => card?.stop())

  const file = (name: string): string => join(files, name)

  /** `ykman sd …` that succeeds; what it printed. */
  async function sd(words: readonly string[], credentials: readonly string[] = []): Promise<string> {
    const ran = await card.ykman([...credentials, 'sd', ...words])
    assert.equal(ran.status, 0, `${words.join(' ')}: ${ran.stderr}${ran.stdout}`)
    return ran.stdout + ran.stderr
  }

  async function refused(words: readonly string[], credentials: readonly string[]): Promise<Ran> {
    const ran = await card.ykman([...credentials, 'sd', ...words])
    assert.notEqual(ran.status, 0, ran.stdout)
    return ran
  }

  const scp03 = ['--scp', own]
  const host = (): string[] => ['--scp', file('oce.pfx'), '--scp-password', password]

  test('[E1c] ykman sd info shows the keys of the card as it comes', async () => {
    const info = await sd(['info'])
    assert.match(info, /SCP03 \(KID=0x01-0x03, KVN=0xFF\)[\s\S]*Default key set/)
    assert.match(info, /SCP11b \(KID=0x13, KVN=0x01\)[\s\S]*Certificate chain:/)
  })

  test('[E1c] ykman sd imports, generates, exports and deletes keys, and sets allow-lists', async () => {
    await refused(['keys', 'generate', 'scp11a', '3', '-'], ['--scp', `${enc}:${enc}:${enc}`])
    await sd(['keys', 'import', 'scp03', '2', own], ['--scp-sd', '1', '0'])
    await refused(['info'], ['--scp-sd', '1', '0'])
    assert.match(await sd(['info'], scp03), /KVN=0x02\)[\s\S]*Imported key set/)

    assert.match(
      await sd(['keys', 'generate', 'scp11a', '3', file('sd-a.pem')], scp03),
      /Private key generated/,
    )
    assert.match(readFileSync(file('sd-a.pem'), 'utf8'), /BEGIN PUBLIC KEY/)
    assert.match(await sd(['keys', 'import', '0x10', '3', file('ca.pem')], scp03), /CA key identifier stored/)
    // A key with its chain in one file, the authority first: ykman sorts them.
    writeFileSync(
      file('sd-all.pem'),
      ['sd.key', 'ca.pem', 'sd.pem'].map((name) => readFileSync(file(name), 'utf8')).join(''),
    )
    assert.match(
      await sd(['keys', 'import', 'scp11b', '4', file('sd-all.pem')], scp03),
      /Certificate bundle stored/,
    )
    await sd(['keys', 'export', 'scp11b', '4', file('exported.pem')])
    assert.match(readFileSync(file('exported.pem'), 'utf8'), /BEGIN CERTIFICATE/)
    const info = await sd(['info'])
    assert.match(info, /SCP11b \(KID=0x13, KVN=0x04\)[\s\S]*CN=Test module/)
    assert.match(info, /SCP11 OCE CA \(KID=0x10, KVN=0x03\)[\s\S]*CA Key Identifier/)

    // Channels by each kind of key.
    await sd(['info'], ['--scp-sd', '0x13', '4'])
    await sd(['info'], ['--scp-sd', '0x13', '4', '--scp-ca', file('ca.pem')])
    await refused(['info'], ['--scp-sd', '0x13', '1', '--scp-ca', file('ca.pem')])
    // ykman finds the key by its authority, where it is the only one of its kind.
    await sd(['keys', 'delete', '--force', 'scp11b', '1'], scp03)
    await sd(['info'], ['--scp-ca', file('ca.pem')])
    await sd(['info'], host())
    await sd(['info'], [...host(), '--scp-oce', '0x10', '3'])
    await refused(['info'], [...host(), '--scp-oce', '0x10', '9'])

    // Allow-lists, set by the host that they may shut out.
    const serials = ['ka', 'oce'].map((name) => `0x${serialOf(files, name)}`)
    await sd(['keys', 'set-allowlist', '0x10', '3', ...serials], host())
    await sd(['info'], host())
    await sd(['keys', 'set-allowlist', '0x10', '3', '123456789'], host())
    await refused(['info'], host())
    await sd(['keys', 'set-allowlist', '0x10', '3'], scp03)
    await sd(['info'], host())

    await sd(['keys', 'delete', '--force', 'scp11b', '4'], host())
    assert.match(
      (await refused(['keys', 'delete', '--force', 'scp11b', '4'], host())).stderr,
      /No key stored/,
    )
    await sd(['keys', 'delete', '--force', '0', '3'], scp03)
    for (const version of ['5', '6']) await sd(['keys', 'generate', 'scp11b', version, '-'], scp03)
    await sd(['keys', 'delete', '--force', 'scp11b', '0'], scp03)
    assert.match((await refused(['keys', 'delete', '--force', 'scp03', '2'], scp03)).stderr, /ALL SCP keys/)
  })

  test('[E1c] the keys that ykman stored are there after the card was taken out', async () => {
    await card.reinsert()
    const [, keys] = await card.send('00A4040000', '80CA00E000')
    assert.equal(keys, 'E012C00401028810C00402028810C004030288109000')
    await sd(['info'], scp03)
  })

  test('[E1c] ykman sd reset makes the card as it came', async () => {
    assert.match(await sd(['reset', '--force']), /default SCP key set/)
    const info = await sd(['info'])
    assert.match(info, /KVN=0xFF\)[\s\S]*Default key set/)
    assert.match(info, /SCP11b \(KID=0x13, KVN=0x01\)[\s\S]*Certificate chain:/)
    await sd(['info'], ['--scp-sd', '1', '0'])
    await sd(['info'], ['--scp-sd', '0x13', '1'])
  })

  test('[E1c] a card that is no test module: own keys open it, and ykman sd reset neither resets nor shuts it', async () => {
    const random = [0, 1, 2].map(() => randomBytes(16).toString('hex'))
    const other = await PlainCard.insert(random.join(''))
    try {
      const run = (...words: string[]): Promise<Ran> => other.ykman(words)
      const own = ['--scp', random.join(':')]
      const [, before] = await other.send('00A4040000', '80CA00E000')
      assert.equal((await run(...own, 'sd', 'keys', 'generate', 'scp11a', '3', '-')).status, 0)
      assert.equal((await run(...own, 'sd', 'keys', 'delete', '--force', 'scp11a', '3')).status, 0)
      assert.notEqual((await run('--scp-sd', '1', '0', 'sd', 'info')).status, 0)
      for (let i = 0; i < 2; i++) await run('sd', 'reset', '--force')
      assert.deepEqual((await other.send('00A4040000', '80CA00E000'))[1], before)
      assert.equal((await run(...own, 'sd', 'info')).status, 0)
      assert.equal((await run('--scp-sd', '0x13', '1', 'sd', 'info')).status, 0)
    } finally {
      await other.stop()
    }
  })
}
