import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { encodeHex } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import {
  issueOceCertificate,
  type OceRole,
  parseKeySet,
  parseOceCertificate,
  testOnlyScp03Key,
} from '@sealwright/core/globalplatform'
import type { EcPrivateKey } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import { certificateToPem } from '@sealwright/core/x509'
import { readPrivateKeyFile } from '@sealwright/node/keys'
import { listenTcp, type TcpListener } from '@sealwright/node/transport'
import { type ForeignCardOptions, TestOnlyForeignCard } from '@sealwright/roles/globalplatform/testing'
import { commandLine, commandLineJson, type Ran, sealwright } from './run.ts'

// `sealwright gp` on its command line: with our module in the plain profile, and over TCP with a card of another maker.

const folder = mkdtempSync(join(tmpdir(), 'sealwright-gp-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let count = 0

/** A new card of ours in a chip file. */
async function newCard(): Promise<string> {
  const name = `card-${++count}.chip`
  const root = ['--root-out', `${name}.root.pem`]
  const made = await commandLine(folder, [
    'module',
    'new',
    '--profile',
    'globalplatform',
    '--test',
    '--out',
    name,
    ...root,
  ])
  assert.equal(made.status, 0, made.stderr)
  return name
}

const gp = (card: string, ...words: string[]) => commandLine(folder, ['gp', ...words, '--module', card])
const gpJson = async (card: string, ...words: string[]) =>
  (await commandLineJson(folder, ['gp', ...words, '--module', card])).json
const ok = (ran: Ran): Ran => {
  assert.equal(ran.status, 0, ran.stderr)
  return ran
}

suite('sealwright gp with our plain module', () => {
  test('[E2b] info and keys need no key; list opens a session and shows what is there', async () => {
    const card = await newCard()
    const info = ok(await gp(card, 'info')).stdout
    for (const part of ['A000000151000000', '2.3.1', 'SCP03 (i = 70', 'SCP11b, the card', 'AES-128']) {
      assert.ok(info.includes(part), `${part} in ${info}`)
    }
    const keys = await gpJson(card, 'keys')
    assert.deepEqual(
      keys['keys'].filter((key: { keyId: number }) => key.keyId === 1),
      [{ keyId: 1, keyVersion: 0xff, use: 'SCP03, encryption', kind: 'AES-128' }],
    )
    const list = await gpJson(card, 'list', '--test-keys')
    assert.deepEqual(list['session'], { kind: 'scp03', level: '33', keyVersion: 0xff })
    assert.ok(
      list['entries'].some(
        ({ aid, kind }: { aid: string; kind: string }) => aid === 'A0000001515350' && kind === 'load file',
      ),
    )
  })

  test('[E2b] new keys are made into a file before the card is touched, put, and used', async () => {
    const card = await newCard()
    const first = ok(await gp(card, 'put-keys', '--test-keys', '--new-keys', `${card}.keys`))
    assert.match(first.stdout, /The card has the new keys/)
    const path = join(folder, `${card}.keys`)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.match(readFileSync(path, 'latin1'), /^(?:[0-9A-F]{32}\n){3}$/)
    const again = ok(await gp(card, 'put-keys', '--test-keys', '--new-keys', `${card}.keys`))
    assert.match(again.stdout, /had the new keys already/)
    ok(await gp(card, 'list', '--keys', `${card}.keys`))

    const wrong = await gp(card, 'list', '--test-keys')
    assert.equal(wrong.status, 5)
    assert.match(wrong.stderr, /other keys.*EXTERNAL AUTHENTICATE was not sent/s)
    assert.match(wrong.stderr, /card-keys-differ/)

    ok(await gp(card, 'put-keys', '--keys', `${card}.keys`, '--back-to-test-keys'))
    ok(await gp(card, 'list', '--test-keys'))
  })

  test('[E2b] a line that breaks at any command of put-keys leaves a card whose keys are in a file', async () => {
    for (const at of [1, 3, 4, 5, 6, 7, 8, 20]) {
      const card = new TestOnlyForeignCard(foreign())
      const file = `broken-${at}.keys`
      const put = ['put-keys', '--test-keys', '--new-keys', file]
      // A connection of its own for each command line: the listener takes one at a time.
      const run = (breaksAt: number | undefined, ...words: string[]) =>
        withForeign(card, breaksAt, (address) => gp(address, ...words))
      const first = await run(at, ...put)
      assert.equal(first.status, at < 20 ? 8 : 0, first.stderr)
      assert.ok(existsSync(join(folder, file)))
      ok(await run(undefined, ...put))
      ok(await run(undefined, 'list', '--keys', file))
    }
  })

  test('[E2b] a domain is made, has its own keys, is locked, unlocked and deleted', async () => {
    const card = await newCard()
    const aid = 'A00000015153504102'
    assert.equal((await gpJson(card, 'domain', aid, '--test-keys'))['outcome'], 'created')
    assert.equal((await gpJson(card, 'domain', aid, '--test-keys'))['outcome'], 'there')
    ok(
      await gp(
        card,
        'put-keys',
        '--aid',
        aid,
        '--test-keys',
        '--new-keys',
        `${card}.domain`,
        '--new-version',
        '0x21',
      ),
    )
    const list = await gpJson(card, 'list', '--aid', aid, '--keys', `${card}.domain`, '--key-version', '0x21')
    assert.deepEqual(
      list['entries'].map((entry: { aid: string }) => entry.aid),
      [aid],
    )
    ok(await gp(card, 'lock', aid, '--test-keys'))
    assert.match(ok(await gp(card, 'list', '--test-keys')).stdout, /selectable, locked/)
    ok(await gp(card, 'unlock', aid, '--test-keys'))
    ok(await gp(card, 'delete', aid, '--test-keys'))
    const gone = await gp(card, 'delete', aid, '--test-keys')
    assert.equal(gone.status, 6)
    assert.match(gone.stderr, /6A8[28].*there is no|6A88.*nothing of this name/s)
    for (const state of ['initialized', 'secured']) ok(await gp(card, 'advance', state, '--test-keys'))
    ok(await gp(card, 'lock', '--card', '--test-keys'))
    assert.match(ok(await gp(card, 'info')).stdout, /the card is locked/)
    ok(await gp(card, 'unlock', '--card', '--test-keys'))
    assert.doesNotMatch(ok(await gp(card, 'info')).stdout, /the card is locked/)
  })

  test('[E2b] keys of their own from a master key, by either method', async () => {
    writeFileSync(join(folder, 'master.key'), 'A1'.repeat(32))
    for (const method of ['kdf3', 'an10922']) {
      const card = await newCard()
      ok(await gp(card, 'put-keys', '--test-keys', '--new-keys', 'master.key', '--new-diversify', method))
      ok(await gp(card, 'list', '--keys', 'master.key', '--diversify', method))
      assert.equal((await gp(card, 'list', '--keys', 'master.key')).status, 5)
    }
  })

  test('[E2b] SCP11a: the card makes a key, is told of an authority, and takes a host; its own chain is checked', async () => {
    const card = await newCard()
    const pki = hostPki()
    ok(await gp(card, 'generate-key', '--for', 'a', '--out', `${card}.pub`, '--test-keys'))
    assert.match(readFileSync(join(folder, `${card}.pub`), 'latin1'), /BEGIN PUBLIC KEY/)
    ok(await gp(card, 'certificates', 'trust', '10/01', pki.root, '--test-keys'))
    const scp11a = ['--scp11', 'a', '--oce-key', pki.key, '--oce-chain', pki.chain]
    const checked = [...scp11a, '--card-ca', `${card}.root.pem`]
    assert.equal((await gpJson(card, 'list', ...checked))['session'].kind, 'scp11a')
    ok(await gp(card, 'put-keys', ...checked, '--new-keys', `${card}.keys`, '--new-version', '3'))
    ok(await gp(card, 'list', '--keys', `${card}.keys`))

    const unordered = pki.files.flatMap((file) => ['--oce-chain', file])
    const shuffled = ['--scp11', 'a', '--oce-key', pki.key, ...unordered, '--card-ca', `${card}.root.pem`]
    ok(await gp(card, 'list', ...shuffled))

    const unnamed = await gp(card, 'list', ...scp11a)
    assert.equal(unnamed.status, 2)
    assert.match(unnamed.stderr, /needs --card-ca/)
    const other = await gp(card, 'list', ...scp11a, '--card-ca', pki.root)
    assert.equal(other.status, 5)
    assert.match(other.stderr, /card-not-trusted/)
    const taken = ok(await gp(card, 'list', ...scp11a, '--insecure-unverified-card'))
    assert.match(taken.stderr, /whoever answers is taken for the card/)

    const allow = ['certificates', 'allow', '10/01', '--keys', `${card}.keys`]
    ok(await gp(card, ...allow, '05'))
    assert.match((await gp(card, 'list', ...checked)).stderr, /6641.*allow-list/)
    ok(await gp(card, ...allow, ...pki.serials))
    ok(await gp(card, 'list', ...checked))
    ok(await gp(card, ...allow, '--all'))

    const shown = await gpJson(card, 'certificates', 'show', '11/01', '--out', `${card}.chain`)
    assert.deepEqual(shown['certificates'].map((one: { role: string }) => one.role).slice(-1), ['sd'])
    ok(await gp(card, 'certificates', 'store', '11/01', `${card}.chain`, '--keys', `${card}.keys`))
    ok(await gp(card, 'list', ...checked))
    const twice = await gp(
      card,
      'delete',
      '--delete-key-id',
      '0x11',
      '--delete-key-version',
      '1',
      '--keys',
      `${card}.keys`,
    )
    ok(twice)
  })

  test('a trace of put-keys shows no key, and no error names one', async () => {
    const card = await newCard()
    writeFileSync(join(folder, 'secret.keys'), 'C0FFEE00C0FFEE00C0FFEE00C0FFEE00\n')
    const ran = ok(
      await gp(
        card,
        'put-keys',
        '--test-keys',
        '--new-keys',
        'secret.keys',
        '--trace',
        `${card}.trace`,
        '--json',
      ),
    )
    const wrong = await gp(card, 'list', '--keys', `${card}.pub.none`)
    assert.equal(wrong.status, 2)
    const texts = [ran.stdout, ran.stderr, readFileSync(join(folder, `${card}.trace`), 'latin1')]
    for (const text of texts) assert.doesNotMatch(text, /C0FFEE00C0FFEE/i)
    assert.ok(texts[2]!.length > 500)
  })

  test('options that do not go together are refused before the card is touched', async () => {
    const lines: [string[], RegExp][] = [
      [['list', '--test-keys', '--keys', 'x'], /name the keys once/],
      [['list', '--scp11', 'b', '--test-keys'], /belongs to SCP03/],
      [['list', '--scp11', 'b', '--insecure-unverified-card', '--oce-key', 'x'], /proves the card only/],
      [['list', '--test-keys', '--card-ca', 'x'], /belongs to SCP11/],
      [['list'], /the card's SCP03 keys is needed/],
      [['put-keys', '--test-keys'], /--new-keys FILE/],
      [
        ['put-keys', '--test-keys', '--new-keys', 'none.key', '--new-diversify', 'kdf3'],
        /a master key is not made here/,
      ],
      [['put-keys', '--test-keys', '--new-keys', 'x.keys', '--new-version', '0xFF'], /cannot be put/],
      [['put-keys', '--test-keys', '--new-keys', 'y.keys', '--new-length', '20'], /16, 24 or 32/],
      [['delete', '--test-keys'], /name an AID/],
      [['delete', 'A000', '--test-keys'], /5 to 16 bytes/],
      [['lock', '--test-keys'], /name an AID, or --card/],
      [['domain', 'zz', '--test-keys'], /hex/],
      [['certificates', 'show', '13'], /10\/03/],
      [['certificates', 'allow', '10/01', '--test-keys'], /--all/],
    ]
    const card = await newCard()
    for (const [words, message] of lines) {
      const ran = await gp(card, ...words)
      assert.equal(ran.status, 2, `${words.join(' ')}: ${ran.stderr}`)
      assert.match(ran.stderr, message)
    }
    assert.equal(existsSync(join(folder, 'none.key')), false)
    ok(await gp(card, 'list', '--test-keys'))
  })

  test('[E2b] the real command, as a process, with keys from standard input', async () => {
    const card = await newCard()
    const ran = sealwright(
      folder,
      ['gp', 'list', '--module', card, '--keys', '-', '--json'],
      '404142434445464748494a4b4c4d4e4f\n',
    )
    assert.equal(ran.status, 0, ran.stderr)
    assert.equal(JSON.parse(ran.stdout).session.kind, 'scp03')
    assert.match(sealwright(folder, ['gp', 'put-keys', '--help']).stdout, /before the card is touched/)
  })
})

function foreign(): ForeignCardOptions {
  return {
    crypto: portableCrypto,
    entropy: scriptedEntropy('foreign'),
    keySets: [[0xff, parseKeySet(testOnlyScp03Key())]],
  }
}

/** The card behind a TCP port; the line breaks after its n-th command. */
async function withForeign<T>(
  card: TestOnlyForeignCard,
  breaksAt: number | undefined,
  work: (address: string) => Promise<T>,
): Promise<T> {
  let commands = 0
  const listener: TcpListener = await listenTcp(
    () => ({
      async transmit(command) {
        const answer = card.transmit(command)
        if (++commands === breaksAt) throw new Error('the line broke')
        return answer
      },
      close: async () => card.reset(),
    }),
    { host: '127.0.0.1', port: 0 },
  )
  try {
    return await work(`tcp:127.0.0.1:${listener.port}`)
  } finally {
    await listener.close()
  }
}

/** A host's key, chain and authority, as files. */
function hostPki() {
  const now = Math.floor(Date.now() / 1000)
  const pair = (): [EcPrivateKey, string] => {
    const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      format: 'pem',
      type: 'pkcs8',
    })
    return [portableCrypto.ecPrivateKey(readPrivateKeyFile(Buffer.from(pem))), pem.toString()]
  }
  const [[kloc], [ka], [oce, oceKey]] = [pair(), pair(), pair()]
  const issue = (
    role: OceRole,
    subject: string,
    holder: EcPrivateKey,
    serial: number,
    issuer?: [string, EcPrivateKey],
  ) =>
    issueOceCertificate(
      {
        role,
        serialNumber: Uint8Array.of(0x55, serial),
        subject,
        publicPoint: holder.publicPoint,
        notBefore: now - 1000,
        notAfter: now + 1000,
        issuer: issuer ? { subject: issuer[0], publicPoint: issuer[1].publicPoint } : 'self',
      },
      issuer?.[1] ?? holder,
      portableCrypto,
    )
  const root = issue('ca-kloc', 'kloc', kloc, 1)
  const chain = [issue('ka-kloc', 'ka', ka, 2, ['kloc', kloc]), issue('oce', 'host', oce, 3, ['ka', ka])]
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return name
  }
  return {
    root: write('kloc.pem', certificateToPem(root)),
    chain: write('oce.pem', chain.map(certificateToPem).join('')),
    key: write('oce.key', oceKey),
    /** Leaf first, with the root, a file each. */
    files: [...chain.toReversed(), root].map((one, i) => write(`oce-${i}.pem`, certificateToPem(one))),
    serials: chain.map((one) => encodeHex(parseOceCertificate(one).serialNumber)),
  }
}

suite('sealwright gp with a card of another maker, over TCP', () => {
  const card = new TestOnlyForeignCard({
    ...foreign(),
    status: 'old',
    getData: 'value',
    keyBlock: 'short',
    i: 0x00,
  })
  const run = (...words: string[]) => withForeign(card, undefined, (address) => gp(address, ...words))

  test('[E2b] an old card is listed and gets keys; what its answers are worth is said', async () => {
    const list = ok(await run('list', '--test-keys'))
    assert.match(list.stdout, /level 03/)
    assert.match(list.stderr, /does not protect its answers/)
    ok(await run('put-keys', '--test-keys', '--new-keys', 'old-card.keys'))
    ok(await run('list', '--keys', 'old-card.keys'))
    const asked = await run('list', '--keys', 'old-card.keys', '--level', '33')
    assert.equal(asked.status, 2)
    assert.match(asked.stderr, /the best is 03/)
    const generated = await run('generate-key', '--for', 'b', '--out', 'none.pub', '--keys', 'old-card.keys')
    assert.equal(generated.status, 2)
    assert.match(generated.stderr, /without a MAC/)
    assert.equal(existsSync(join(folder, 'none.pub')), false)
  })

  test('SCP02 is named and refused', async () => {
    const older = new TestOnlyForeignCard({ ...foreign(), protocol: 0x02 })
    await withForeign(older, undefined, async (where) => {
      const ran = await gp(where, 'list', '--test-keys')
      assert.equal(ran.status, 6)
      assert.match(ran.stderr, /SCP02.*not supported/s)
    })
  })
})
