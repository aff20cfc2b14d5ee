import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { encodeHex, equal } from '@sealwright/core/bytes'
import { SealwrightError } from '@sealwright/core/errors'
import {
  diversifyScp03Keys,
  issueOceCertificate,
  type OceRole,
  parseOceCertificate,
} from '@sealwright/core/globalplatform'
import type { EcPrivateKey, Transport } from '@sealwright/core/ports'
import { everyPowerCut, fixtureTime, plainModule, transportTo } from '@sealwright/module/testing'
import {
  createDomain,
  deleteContent,
  deleteKeys,
  generateKey,
  limitToSerialNumbers,
  openScp03Session,
  openScp11Session,
  plainLine,
  putKeys,
  readAuthorities,
  readCardInformation,
  readCertificates,
  readKeys,
  readRegistry,
  type Scp11SessionInput,
  selectDomain,
  setCardState,
  setLocked,
  storeCertificates,
  trustAuthority,
} from '@sealwright/roles/globalplatform'
import { testOnlyEveryCut } from '@sealwright/roles/globalplatform/testing'
import { nodeCrypto as crypto } from '../src/crypto/index.ts'
import {
  domainAid,
  opensWith,
  ports,
  powerScenarios,
  put,
  scp03,
  set,
  testKeys,
} from './globalplatform-host.ts'

// The host side of GlobalPlatform's cards against our own module in the plain profile.

class Card {
  readonly made = plainModule({ crypto })
  transport(): Transport {
    return transportTo(this.made.module)
  }
  reset(): void {
    this.made.module.reset()
  }
}

suite('the host side with our plain module', () => {
  test('[E2b] what the card is, holds and lists is read', async () => {
    const transport = new Card().transport()
    const told = await readCardInformation(transport)
    assert.equal(encodeHex(told.domain.aid!), 'A000000151000000')
    assert.equal(told.recognition?.version, '2.3.1')
    assert.ok(told.cplc && told.capabilities && told.resources)
    const { issuerDomain, loadFiles } = await readRegistry(await scp03(transport))
    assert.ok(issuerDomain?.privileges?.names.includes('card-lock'))
    assert.deepEqual(
      loadFiles.map(({ aid }) => encodeHex(aid)),
      ['A0000001515350'],
    )
  })

  test('[E2b] every level, S8 and S16, carries commands', async () => {
    for (const s16 of [false, true]) {
      for (const level of [0x01, 0x03, 0x11, 0x13, 0x33] as const) {
        const transport = new Card().transport()
        await selectDomain(transport)
        const session = await openScp03Session(transport, ports, {
          keys: testKeys,
          keyVersion: 0xff,
          level,
          s16,
        })
        assert.equal((await readRegistry(session)).loadFiles.length, 1)
      }
    }
  })

  test('[E2b] keys of each length are put, also for a domain of its own, and made from a master key', async () => {
    for (const length of [16, 24, 32]) {
      const transport = new Card().transport()
      const done = await put(transport, testKeys, () => set(3, length))
      assert.deepEqual([done.outcome, done.keyVersion], ['put', 1])
      assert.equal(await opensWith(transport, testKeys), false)
      const again = await put(
        transport,
        () => set(3, length),
        () => set(4, length),
      )
      assert.deepEqual([again.outcome, again.keyVersion], ['put', 1])
    }
    const transport = new Card().transport()
    assert.equal(await createDomain(await scp03(transport), { aid: domainAid }), 'created')
    await putKeys(transport, ports, {
      aid: domainAid,
      newKeys: () => set(5),
      openSession: () => scp03(transport, testKeys, 0, domainAid),
      newKeyVersion: 9,
    })
    const session = await scp03(transport, () => set(5), 9, domainAid)
    assert.equal((await readRegistry(session)).domains.length, 1)

    const master = new Uint8Array(32).fill(0x61)
    for (const method of ['kdf3', 'an10922'] as const) {
      const card = new Card().transport()
      const own = (told: { diversificationData: Uint8Array }) =>
        diversifyScp03Keys(method, master, told.diversificationData, crypto)
      await putKeys(card, ports, { newKeys: own, diversified: true, openSession: () => scp03(card) })
      await selectDomain(card)
      const opened = await openScp03Session(card, ports, { keys: own, keyVersion: 0, level: 0x33 })
      assert.equal(opened.keyVersion, 1)
    }
  })

  test('[E2b] new keys: cut at every command and run again, the card has them and the host knows it', async () => {
    const commands = await testOnlyEveryCut(
      () => new Card(),
      (transport) => put(transport),
      async (card, where) => {
        assert.equal(await opensWith(card.transport(), () => set(1)), true, where)
        assert.equal(await opensWith(card.transport(), testKeys), false, where)
      },
    )
    assert.ok(commands >= 8)
  })

  test('[E2b] a new domain: cut at every command and run again, it is there once', async () => {
    await testOnlyEveryCut(
      () => new Card(),
      async (transport) => createDomain(await scp03(transport), { aid: domainAid }),
      async (card, where) => {
        const { domains } = await readRegistry(await scp03(card.transport()))
        assert.equal(domains.filter(({ aid }) => equal(aid, domainAid)).length, 1, where)
      },
    )
  })

  for (const scenario of powerScenarios) {
    test(`[E2b] ${scenario.name}: the power goes at any write, and the next run of the host ends it`, async () => {
      const report = await everyPowerCut(scenario, { modes: ['whole'] })
      assert.ok(report.cuts > 5, `${report.cuts} cuts`)
      assert.equal(report.recoveries, report.cuts)
    })
  }

  test('[E2b] a domain and the card are locked and unlocked, and what was made is deleted', async () => {
    const transport = new Card().transport()
    const session = await scp03(transport)
    await createDomain(session, { aid: domainAid })
    await setLocked(session, { aid: domainAid, locked: true })
    const locked = (await readRegistry(session)).domains.find(({ aid }) => equal(aid, domainAid))
    assert.equal(locked?.state, 0x87)
    await setLocked(session, { aid: domainAid, locked: false })
    await deleteContent(session, { aid: domainAid })
    await assert.rejects(deleteContent(session, { aid: domainAid }), /6A8[28]/)
    await assert.rejects(setCardState(session, 'card-locked'), /6985/)
    for (const state of ['initialized', 'secured', 'card-locked'] as const) await setCardState(session, state)
    assert.equal((await selectDomain(transport)).locked, true)
    const again = await scp03(transport)
    await setCardState(again, 'secured')
    assert.equal((await selectDomain(transport)).locked, false)
  })
})

// SCP11 ------------------------------------------------------------------

const key = (fill: number) => crypto.ecPrivateKey(new Uint8Array(32).fill(fill))
const [kloc, ka, oce, klcc] = [key(0x21), key(0x22), key(0x23), key(0x24)]
function certify(
  role: OceRole,
  holder: Uint8Array,
  serial: number,
  subject: string,
  issuer?: { name: string; key: EcPrivateKey },
) {
  const signer = issuer?.key ?? kloc
  return parseOceCertificate(
    issueOceCertificate(
      {
        role,
        serialNumber: Uint8Array.of(0x7f, serial),
        subject,
        publicPoint: holder,
        notBefore: fixtureTime - 1000,
        notAfter: fixtureTime + 1000,
        issuer: issuer ? { subject: issuer.name, publicPoint: issuer.key.publicPoint } : 'self',
      },
      signer,
      crypto,
    ),
  )
}
const root = certify('ca-kloc', kloc.publicPoint, 1, 'kloc')
const between = certify('ka-kloc', ka.publicPoint, 2, 'ka', { name: 'kloc', key: kloc })
const leaf = certify('oce', oce.publicPoint, 3, 'host', { name: 'ka', key: ka })
const host: NonNullable<Scp11SessionInput['host']> = {
  chain: [root, between, leaf],
  key: { publicPoint: oce.publicPoint, agree: async (peer) => oce.agree(crypto.ecPublicKey(peer)) },
}
const authority = { keyId: 0x10, keyVersion: 3 }

/** A card that takes our hosts, with a key of its own for each variant. */
async function scp11Card() {
  const card = new Card()
  const transport = card.transport()
  const listedKeys = await readKeys(plainLine(transport))
  const session = await scp03(transport)
  for (const keyId of [0x11, 0x15]) await generateKey(session, { keyId, keyVersion: 3, listedKeys })
  await trustAuthority(session, {
    key: authority,
    publicPoint: kloc.publicPoint,
    identifier: root.subjectKeyIdentifier!,
    listedKeys,
  })
  session.close()
  await selectDomain(transport)
  return { transport, cardRoot: parseOceCertificate(card.made.root).publicPoint }
}

suite('SCP11 between the host side and our plain module', () => {
  test('[E2b] 11a, 11b, 11c: the card’s certificates lead to its root, the host’s to an authority that the card knows', async () => {
    const { transport, cardRoot } = await scp11Card()
    for (const [variant, keyVersion] of [
      ['a', 3],
      ['c', 3],
      ['b', 1],
    ] as const) {
      for (const keyLength of [16, 32] as const) {
        await selectDomain(transport)
        const session = await openScp11Session(transport, ports, {
          variant,
          keyVersion,
          keyLength,
          cardAuthority: cardRoot,
          ...(variant !== 'b' && { host }),
        })
        if (variant !== 'b') assert.equal((await readRegistry(session)).loadFiles.length, 1)
        else await assert.rejects(readRegistry(session), /SCP11b proves the card only/)
        session.close()
      }
    }
  })

  test('[E2b] over 11a keys are put, over 11c the card refuses them', async () => {
    const { transport, cardRoot } = await scp11Card()
    const input = (variant: 'a' | 'c') => ({ variant, keyVersion: 3, cardAuthority: cardRoot, host })
    const open = (variant: 'a' | 'c') => async () => {
      await selectDomain(transport)
      return openScp11Session(transport, ports, input(variant))
    }
    const options = { newKeys: () => set(7), newKeyVersion: 5 }
    await assert.rejects(putKeys(transport, ports, { ...options, openSession: open('c') }), /PUT KEY/)
    const done = await putKeys(transport, ports, { ...options, openSession: open('a') })
    assert.deepEqual([done.outcome, done.keyVersion], ['put', 5])
  })

  test('[E2b] certificates, authorities and allow-lists: stored, read back, obeyed', async () => {
    const { transport, cardRoot } = await scp11Card()
    const open = async () => {
      await selectDomain(transport)
      return openScp11Session(transport, ports, {
        variant: 'a',
        keyVersion: 3,
        cardAuthority: cardRoot,
        host,
      })
    }
    const limit = async (...serialNumbers: Uint8Array[]) =>
      limitToSerialNumbers(await scp03(transport), authority, serialNumbers)
    assert.deepEqual(await readAuthorities(plainLine(transport), 'kloc'), [
      { identifier: root.subjectKeyIdentifier, key: authority },
    ])
    await limit(Uint8Array.of(1))
    await assert.rejects(open(), /6641/)
    await limit(between.serialNumber, leaf.serialNumber)
    await open()
    await limit()
    await open()
    await selectDomain(transport)

    const point = (await readCertificates(plainLine(transport), { keyId: 0x11, keyVersion: 3 }))!.at(
      -1,
    )!.publicPoint
    const own = certify('sd', point, 9, 'card', { name: 'klcc', key: klcc })
    await storeCertificates(await scp03(transport), { keyId: 0x11, keyVersion: 3 }, [own])
    await selectDomain(transport)
    await assert.rejects(open(), /does not hold/)
    await selectDomain(transport)
    const session = await openScp11Session(transport, ports, {
      variant: 'a',
      keyVersion: 3,
      cardAuthority: klcc.publicPoint,
      host,
    })
    await deleteKeys(session, { keyId: 0x15, keyVersion: 3 })
  })

  test('a card with a root of somebody else is not taken, nor a host of somebody else', async () => {
    const { transport, cardRoot } = await scp11Card()
    const input = { variant: 'a', keyVersion: 3, host } as const
    await assert.rejects(
      openScp11Session(transport, ports, { ...input, cardAuthority: kloc.publicPoint }),
      (error) => error instanceof SealwrightError && error.code === 'card-not-trusted',
    )
    const stranger = certify('oce', oce.publicPoint, 8, 'host', { name: 'elsewhere', key: klcc })
    await assert.rejects(
      openScp11Session(transport, ports, {
        ...input,
        cardAuthority: cardRoot,
        host: { ...host, chain: [stranger] },
      }),
      /6640/,
    )
  })
})
