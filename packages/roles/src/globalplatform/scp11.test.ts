import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { concat } from '@sealwright/core/bytes'
import { portableCrypto } from '@sealwright/core/crypto'
import { AuthError, RefusedError, SealwrightError, UsageError } from '@sealwright/core/errors'
import {
  issueOceCertificate,
  type OceRole,
  parseCertificateBundle,
  parseKeySet,
  testOnlyScp03Key,
} from '@sealwright/core/globalplatform'
import type { EcPrivateKey, Transport } from '@sealwright/core/ports'
import { scriptedEntropy } from '@sealwright/core/testing'
import {
  type CardPorts,
  createDomain,
  deleteContent,
  deleteKeys,
  generateKey,
  limitToSerialNumbers,
  openScp03Session,
  openScp11Session,
  plainLine,
  readAuthorities,
  readCertificates,
  readKeys,
  readRegistry,
  type Scp11SessionInput,
  selectDomain,
  setCardState,
  setLocked,
  storeCertificates,
  trustAuthority,
} from './index.ts'
import {
  type ForeignDialect,
  TestOnlyForeignCard,
  testOnlyEveryCut,
  testOnlyTappedLine,
} from './testing/index.ts'

const crypto = portableCrypto
const now = Date.UTC(2026, 5, 1) / 1000
const ports: CardPorts = {
  crypto,
  entropy: scriptedEntropy('host'),
  clock: { now: () => now },
  progress: () => {},
}
const key = (fill: number) => crypto.ecPrivateKey(new Uint8Array(32).fill(fill))
const [klcc, kloc, ka, oce, other] = [key(1), key(2), key(3), key(4), key(5)]
const cardScalar = () => new Uint8Array(32).fill(0x11)
const cardPoint = crypto.ecPrivateKey(cardScalar()).publicPoint

let serial = 0
function certify(
  role: OceRole,
  point: Uint8Array,
  issuer: EcPrivateKey,
  names = [role, `ca of ${role}`],
  end = now + 1e6,
) {
  return issueOceCertificate(
    {
      role,
      serialNumber: Uint8Array.of(0x11, ++serial),
      subject: names[0]!,
      publicPoint: point,
      notBefore: now - 1e6,
      notAfter: end,
      issuer: { subject: names[1]!, publicPoint: issuer.publicPoint },
    },
    issuer,
    crypto,
  )
}
const sdCertificate = certify('sd', cardPoint, klcc)
const kaCertificate = certify('ka-kloc', ka.publicPoint, kloc, ['ka', 'kloc'])
const oceCertificate = certify('oce', oce.publicPoint, ka, ['oce', 'ka'])
const root = issueOceCertificate(
  {
    role: 'ca-kloc',
    serialNumber: Uint8Array.of(1),
    subject: 'kloc',
    publicPoint: kloc.publicPoint,
    notBefore: now - 1e6,
    notAfter: now + 1e6,
    issuer: 'self',
  },
  kloc,
  crypto,
)
const keyIds = { a: 0x11, b: 0x13, c: 0x15 } as const

function cardWith(dialect: ForeignDialect = {}, chain: readonly Uint8Array[] = [sdCertificate]) {
  const card = new TestOnlyForeignCard({
    crypto,
    entropy: scriptedEntropy('card'),
    keySets: [[1, parseKeySet(testOnlyScp03Key())]],
    ...dialect,
  })
  for (const keyId of Object.values(keyIds)) card.addEcKey({ keyId, keyVersion: 2 }, cardScalar(), chain)
  const [, authority] = [null, parseCertificateBundle(kaCertificate)[0]!.authorityKeyIdentifier!]
  card.authorities.set('1002', { point: kloc.publicPoint, identifier: authority })
  return card
}

function hostOf(
  pair = oce,
  chain: readonly Uint8Array[] = [kaCertificate, oceCertificate],
): Scp11SessionInput['host'] {
  return {
    chain: parseCertificateBundle(concat(...chain)),
    key: { publicPoint: pair.publicPoint, agree: async (peer) => pair.agree(crypto.ecPublicKey(peer)) },
  }
}

async function open(transport: Transport, variant: 'a' | 'b' | 'c', change: Partial<Scp11SessionInput> = {}) {
  await selectDomain(transport)
  const host = variant === 'b' ? undefined : hostOf()
  return openScp11Session(transport, ports, {
    variant,
    cardAuthority: klcc.publicPoint,
    ...(host && { host }),
    ...change,
  })
}
const failsWith = (code: string) => (error: unknown) =>
  error instanceof SealwrightError && error.code === code

suite('sessions of SCP11 with any card', () => {
  test('[E2b] 11a, 11b and 11c open and carry commands', async () => {
    for (const variant of ['a', 'b', 'c'] as const) {
      for (const keyLength of [16, 32] as const) {
        const session = await open(cardWith().transport(), variant, { keyLength })
        assert.deepEqual([session.kind, session.level, session.keyVersion], [`scp11${variant}`, 0x33, 2])
        assert.equal((await readRegistry(session)).loadFiles.length, 1)
        session.close()
      }
    }
  })

  test('[E2b] certificates arrive in segments of either kind, with the root or without', async () => {
    for (const certificates of ['class', 'p1'] as const) {
      for (const chain of [
        [kaCertificate, oceCertificate],
        [root, kaCertificate, oceCertificate],
      ]) {
        const session = await open(cardWith({ certificates }).transport(), 'a', { host: hostOf(oce, chain)! })
        assert.equal(session.kind, 'scp11a')
      }
    }
  })

  test('the card is believed only when its certificates lead to the authority that was named', async () => {
    const cases: [string, readonly Uint8Array[], RegExp][] = [
      ['another authority', [certify('sd', cardPoint, other)], /signature/],
      ['a host’s certificate', [certify('oce', cardPoint, klcc)], /that of a host/],
      ['over', [certify('sd', cardPoint, klcc, undefined, now - 10)], /has ended/],
      ['an authority as leaf', [certify('ca-klcc', cardPoint, klcc)], /may not agree/],
      [
        'below a leaf',
        [sdCertificate, certify('sd', cardPoint, crypto.ecPrivateKey(cardScalar()), ['x', 'sd'])],
        /may not sign/,
      ],
    ]
    for (const [name, chain, message] of cases) {
      const { line, sent } = testOnlyTappedLine(cardWith({}, chain).transport(), (answer) => answer)
      await assert.rejects(open(line, 'a'), (error) => {
        assert.ok(failsWith('card-not-trusted')(error), `${name}: ${error}`)
        assert.match(String(error), message, name)
        return true
      })
      // The host has shown nothing of itself.
      assert.ok(sent.every((command) => ![0x2a, 0x82].includes(command[1]!)))
    }
    const none = cardWith()
    none.certificates.clear()
    await assert.rejects(open(none.transport(), 'b'), failsWith('card-not-trusted'))
    const unchecked = cardWith({}, [certify('sd', cardPoint, other)])
    await open(unchecked.transport(), 'b', { cardAuthority: 'insecureUnverifiedCard' })
  })

  test('[E2b] an authority of another kind of key is asked; its own certificate in front of the chain is passed over', async () => {
    const between = certify('ka-klcc', other.publicPoint, klcc, ['between', 'klcc'])
    const leaf = certify('sd', cardPoint, other, ['sd', 'between'])
    const card = () => cardWith({}, [between, leaf]).transport()
    const asked: number[] = []
    const authority = (answer: boolean) => (certificate: { publicPoint: Uint8Array }) => {
      asked.push(certificate.publicPoint[1]!)
      return answer
    }
    await open(card(), 'b', { cardAuthority: authority(true) })
    assert.deepEqual(asked, [other.publicPoint[1]])
    await assert.rejects(
      open(card(), 'b', { cardAuthority: authority(false) }),
      failsWith('card-not-trusted'),
    )
    // Pinned is the certificate that the card shows first, whoever signed it.
    await open(card(), 'b', { cardAuthority: other.publicPoint })
    await assert.rejects(open(card(), 'b', { cardAuthority: cardPoint }), failsWith('card-not-trusted'))
  })

  test('a card that shows another’s certificate has not its key, and is found out', async () => {
    for (const variant of ['a', 'b', 'c'] as const) {
      const thief = cardWith()
      for (const keyId of Object.values(keyIds)) {
        thief.addEcKey({ keyId, keyVersion: 2 }, new Uint8Array(32).fill(0x77), [sdCertificate])
      }
      await assert.rejects(open(thief.transport(), variant), AuthError)
    }
  })

  test('a receipt, a point or an answer that is changed is found out', async () => {
    for (const at of [5, 80]) {
      const changing = testOnlyTappedLine(cardWith().transport(), (answer, command) =>
        command[1] === 0x82 || command[1] === 0x88
          ? answer.map((byte, i) => (i === at ? byte ^ 1 : byte))
          : answer,
      )
      await assert.rejects(open(changing.line, 'b'), AuthError)
    }
  })

  test('the card refuses a host whose certificates it does not take, and the error says which', async () => {
    const direct = certify('oce', oce.publicPoint, other, ['oce', 'elsewhere'])
    await assert.rejects(open(cardWith().transport(), 'a', { host: hostOf(oce, [direct])! }), /6640/)
    const limited = cardWith()
    limited.authorities.get('1002')!.allowed = [Uint8Array.of(5)]
    await assert.rejects(open(limited.transport(), 'a'), /6641.*allow-list/)
    const strange = cardWith()
    strange.authorities.clear()
    await assert.rejects(
      open(strange.transport(), 'a'),
      (error) => error instanceof RefusedError && /6A88/.test(error.message),
    )
  })

  test('a host that cannot be taken is stopped before the card is asked to', async () => {
    const wrong: [Scp11SessionInput['host'], RegExp][] = [
      [hostOf(other), /of another key/],
      [hostOf(oce, [certify('ka-kloc', oce.publicPoint, kloc)]), /agree on keys/],
      [
        hostOf(oce, [certify('ka-kloc', other.publicPoint, kloc, ['ka', 'kloc']), oceCertificate]),
        /does not hold/,
      ],
    ]
    for (const [host, message] of wrong) {
      const { line, sent } = testOnlyTappedLine(cardWith().transport(), (answer) => answer)
      await assert.rejects(open(line, 'a', { host: host! }), message)
      assert.ok(sent.every((command) => ![0x2a, 0x82].includes(command[1]!)))
    }
    await assert.rejects(open(cardWith().transport(), 'b', { host: hostOf()! }), UsageError)
  })

  test('of several keys one has to be named', async () => {
    const card = cardWith()
    card.addEcKey({ keyId: 0x13, keyVersion: 3 }, cardScalar(), [sdCertificate])
    await assert.rejects(open(card.transport(), 'b'), /--key-version \(2, 3\)/)
    assert.equal((await open(card.transport(), 'b', { keyVersion: 3 })).keyVersion, 3)
    const none = cardWith()
    none.ecKeys.clear()
    await assert.rejects(open(none.transport(), 'b'), /no key for SCP11b/)
  })
})

const scp03 = async (transport: Transport, level: 'best' | 0x03 = 'best') => {
  await selectDomain(transport)
  const keys = () => parseKeySet(testOnlyScp03Key())
  return openScp03Session(transport, ports, { keys, keyVersion: 0, level })
}

suite('what is managed in a session', () => {
  test('[E2b] certificates, authorities and lists of serial numbers go in and come back', async () => {
    for (const storeData of ['blocks', 'whole'] as const) {
      const card = cardWith({ storeData })
      const session = await scp03(card.transport())
      const chain = parseCertificateBundle(concat(certify('ca-klcc', klcc.publicPoint, klcc), sdCertificate))
      await storeCertificates(session, { keyId: 0x13, keyVersion: 2 }, chain)
      const identifier = new Uint8Array(20).fill(6)
      await trustAuthority(session, {
        key: { keyId: 0x20, keyVersion: 4 },
        publicPoint: kloc.publicPoint,
        identifier,
      })
      await limitToSerialNumbers(session, { keyId: 0x20, keyVersion: 4 }, [
        Uint8Array.of(1),
        Uint8Array.of(2),
      ])
      assert.equal(card.authorities.get('2004')?.allowed?.length, 2)
      await limitToSerialNumbers(session, { keyId: 0x20, keyVersion: 4 }, [])
      assert.equal(card.authorities.get('2004')?.allowed, undefined)
      await assert.rejects(
        trustAuthority(session, {
          key: { keyId: 0x11, keyVersion: 4 },
          publicPoint: kloc.publicPoint,
          identifier,
        }),
        UsageError,
      )

      await selectDomain(card.transport())
      const line = plainLine(card.transport())
      assert.deepEqual(await readCertificates(line, { keyId: 0x13, keyVersion: 2 }), chain)
      assert.deepEqual((await readAuthorities(line, 'kloc'))?.at(-1), {
        identifier,
        key: { keyId: 0x20, keyVersion: 4 },
      })
      assert.equal(await readAuthorities(line, 'klcc'), undefined)
    }
  })

  test('[E2b] a domain is created once, whatever breaks on the way, and deleted', async () => {
    const aid = Uint8Array.of(0xa0, 0, 0, 1, 0x51, 0x53, 0x50, 0x41, 2)
    const commands = await testOnlyEveryCut(
      () => cardWith(),
      async (transport) => createDomain(await scp03(transport), { aid }),
      (card, where) => assert.equal(card.applications.length, 1, where),
    )
    assert.ok(commands >= 7)
    const card = cardWith()
    const session = await scp03(card.transport())
    assert.equal(await createDomain(session, { aid }), 'created')
    assert.equal(await createDomain(session, { aid }), 'there')
    await deleteContent(session, { aid })
    assert.equal(card.applications.length, 0)
    await assert.rejects(deleteContent(session, { aid }), /6A88/)
    card.loadFiles.splice(0)
    await assert.rejects(createDomain(session, { aid }), /--load-file/)
  })

  test('[E2b] applications are locked and unlocked, and so is the card', async () => {
    const card = cardWith()
    const aid = Uint8Array.of(0xa0, 0, 0, 1, 0x51, 0x53, 0x50, 0x41, 2)
    const session = await scp03(card.transport())
    await createDomain(session, { aid })
    await setLocked(session, { aid, locked: true })
    assert.equal(card.applications[0]!.state, 0x87)
    await setLocked(session, { aid, locked: false })
    assert.equal(card.applications[0]!.state, 0x07)
    await assert.rejects(setCardState(session, 'card-locked'), /6985/)
    for (const state of ['initialized', 'secured', 'card-locked', 'secured'] as const) {
      await setCardState(session, state)
      assert.equal(card.state, state)
    }
  })

  test('[E2b] a card makes its own key; its public half is taken only with a MAC', async () => {
    const card = cardWith()
    const listedKeys = await readKeys(plainLine(card.transport()))
    const session = await scp03(card.transport())
    const first = await generateKey(session, { keyId: 0x13, keyVersion: 5, listedKeys })
    assert.deepEqual(card.ecKeys.get('1305')?.publicPoint, first)
    const second = await generateKey(session, { keyId: 0x13, keyVersion: 6, replace: 5, listedKeys })
    assert.deepEqual([card.ecKeys.has('1305'), card.ecKeys.get('1306')?.publicPoint], [false, second])
    await deleteKeys(session, { keyId: 0x13, keyVersion: 6 })
    assert.equal(card.ecKeys.has('1306'), false)
    await assert.rejects(deleteKeys(session, {}), UsageError)
    const open = await scp03(card.transport(), 0x03)
    await assert.rejects(generateKey(open, { keyId: 0x13, keyVersion: 5 }), failsWith('card-exposed'))
  })
})
