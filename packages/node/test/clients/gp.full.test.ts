import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Ran, readerName } from '../readers/index.ts'
import { gpClassPath, root } from './installed.ts'
import { needClients, PlainCard, tellWhyNoClients } from './plain-card.ts'

// No registry that this repository may use has GlobalPlatformPro; what it sends stands in vectors/clients/globalplatformpro.json and is
// tried by recorded.full.test.ts. Whoever has the program itself tries it here.
const classPath = gpClassPath()
const missing =
  classPath === undefined ? undefined : tellWhyNoClients(import.meta.url, { programs: ['java', 'openssl'] })
if (classPath === undefined)
  process.stderr.write(
    `NOT RUN: ${relative(root, fileURLToPath(import.meta.url))}: SEALWRIGHT_GP does not name a gp.jar\n`,
  )

test('where SEALWRIGHT_GP names GlobalPlatformPro, it can be run', () => needClients(missing))

if (classPath !== undefined && missing === undefined) {
  const isd = 'A000000151000000'
  const domain = 'A00000015153504101'
  const key = '00112233445566778899AABBCCDDEEFF'
  const [enc, mac, dek] = ['50', '60', '70'].map((byte) => byte.repeat(16))
  let card: PlainCard
  let files: string
  before(async () => {
    card = await PlainCard.insert()
    files = card.folder()
    openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', join(files, 'ec.key')])
    openssl(['ec', '-in', join(files, 'ec.key'), '-pubout', '-out', join(files, 'ec.pem')])
    openssl(['genrsa', '-out', join(files, 'rsa.key'), '2048'])
    openssl(['rsa', '-in', join(files, 'rsa.key'), '-pubout', '-out', join(files, 'rsa.pem')])
  })
  after(() => card?.stop())

  function run(words: readonly string[]): Promise<Ran> {
    const java = ['-cp', classPath!, 'pro.javacard.gptool.GPTool', '-r', readerName()]
    return card.readers.run('java', [...java, ...words])
  }

  /** What gp printed; it must have succeeded. */
  async function gp(...words: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await run(words)
    assert.equal(status, 0, `gp ${words.join(' ')}: ${stdout}${stderr}`)
    // It always says so of a key in the long form of tag E0, as RSA's are.
    const known = /\[WARN\] GPKeyInfo - Access and Usage not parsed: 0000/g
    assert.doesNotMatch((stdout + stderr).replace(known, ''), /exception|\[WARN\]/i)
    return stdout + stderr
  }

  async function refused(...words: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await run(words)
    assert.notEqual(status, 0, stdout + stderr)
    return stdout + stderr
  }

  test('[E1b] gp --info shows the card', async () => {
    const text = await gp('--info')
    assert.match(text, /-> Global Platform card/)
    assert.match(text, /-> GP SCP03 \(i=70\)/)
    assert.match(
      text,
      /Version: 255 \(0xFF\) ID: +1 \(0x01\) type: AES +length: +16 \(AES-128, factory key\)/,
    )
    assert.match(text, /Version: +1 \(0x01\) ID: +19 \(0x13\) type: EC_PRIV +length: +32/)
  })

  test('[E1b] gp --list shows its content, at every security level and in S16', async () => {
    for (const mode of [
      [],
      ['--mode', 'enc'],
      ['--mode', 'rmac'],
      ['--mode', 'renc'],
      ['--s16'],
      ['--s16', '--mode', 'renc'],
    ]) {
      const text = await gp('--list', ...mode)
      assert.match(text, new RegExp(`ISD: ${isd} \\(OP_READY\\)`))
      assert.match(text, /PKG: A0000001515350 \(LOADED\)[\s\S]*A000000151535041/)
    }
    assert.match(await refused('--list', '--key', key), /cryptogram/i)
    await gp('--list', '--connect', isd)
    await gp('--list', '--key-ver', '255')
  })

  test('[E1b] gp --lock changes the keys, and back', async () => {
    await gp('--lock', key)
    await refused('--list')
    await gp('--list', '--key', key)
    // A second set beside the first, which goes after it was tried.
    const lock = ['--lock-enc', enc!, '--lock-mac', mac!, '--lock-dek', dek!]
    await gp('--key', key, ...lock, '--new-keyver', '2')
    const three = ['--key-enc', enc!, '--key-mac', mac!, '--key-dek', dek!]
    await gp('--list', ...three, '--key-ver', '2', '--mode', 'renc')
    await gp(...three, '--key-ver', '2', '--delete-key', '1')
    await gp('--list', ...three)
    assert.match(await gp('--info'), /Version: +2 /)
    // Back to the keys that gp takes without being told.
    await gp(...three, '--lock', '404142434445464748494A4B4C4D4E4F')
    await gp('--list')
  })

  test('[E1b] gp --put-key stores public keys, --delete-key removes them', async () => {
    await gp('--put-key', join(files, 'ec.pem'), '--new-keyver', '115')
    await gp('--put-key', join(files, 'rsa.pem'), '--new-keyver', '116')
    await gp('--replace-key', join(files, 'ec.pem'), '--new-keyver', '115')
    const text = await gp('--info')
    assert.match(text, /Version: 115 \(0x73\)/)
    assert.match(text, /Version: 116 \(0x74\)/)
    for (const version of ['115', '116']) await gp('--delete-key', version)
    assert.doesNotMatch(await gp('--info'), /Version: 11[56] /)
  })

  test('[E1b] gp --domain makes a domain; it is locked, unlocked and deleted', async () => {
    await gp('--domain', domain, '--allow-to', '--allow-from')
    assert.match(await gp('--list'), new RegExp(`SSD: ${domain} \\(SELECTABLE\\)`))
    await gp('--lock-applet', domain)
    assert.match(await gp('--list'), new RegExp(`SSD: ${domain} \\(LOCKED\\)`))
    await gp('--unlock-applet', domain)
    await gp('--delete', domain)
    assert.doesNotMatch(await gp('--list'), new RegExp(domain))
    await refused('--delete', domain)
  })

  test('[E1b] gp takes the card through its life cycle and locks and unlocks it', async () => {
    await gp('--initialize-card')
    await gp('--secure-card')
    assert.match(await gp('--list'), /\(SECURED\)/)
    await gp('--lock-card')
    await run(['--list'])
    await run(['--unlock-card'])
    assert.match(await gp('--list'), /\(SECURED\)/)
  })
}

function openssl(words: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', words, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}
