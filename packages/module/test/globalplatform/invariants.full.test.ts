import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import fc from 'fast-check'
import { type Card, crypto, hex, issuerAid } from './card.ts'
import { ownSet, realCard } from './fixture.ts'
import {
  aesField,
  deleteContent,
  deleteKeys,
  extradite,
  generateKey,
  install,
  installApplication,
  installDomain,
  load,
  none,
  putKey,
  putSet,
  setStatus,
  storeAllowList,
  storeCertificates,
} from './management.ts'
import { notebook } from './notebook.ts'
import { type KeySet, openScp03, type Session } from './session.ts'

const aids = ['A0000000A1', 'A0000000A1B2', 'A0000000C3', 'F053504E01', 'F053504E0141', 'F053504E02'].map(
  (one) => decodeHex(one),
)
const all = [...aids, issuerAid]
/** Keys that a domain is given: which set a domain has shows which of these opens a channel. */
const sets: readonly KeySet[] = [1, 2].map((fill) => {
  const key = (i: number) => crypto.sha256(Uint8Array.of(fill, i)).slice(0, 16)
  return [key(1), key(2), key(3)]
})

type Operation = (session: Session) => { readonly sw: number }
const aid = fc.constantFrom(...all)
const file = fc.constantFrom(aids[3]!, aids[5]!)
const version = fc.constantFrom(1, 2, 0x30)
const id = fc.constantFrom(1, 2, 3, 0x10, 0x11, 0x13, 0x40)

const operations: fc.Arbitrary<[string, Operation]> = fc.oneof(
  fc
    .tuple(aid, fc.constantFrom('800000', '804000', '900000'))
    .map(([one, privileges]): [string, Operation] => [
      `domain ${hex(one)} ${privileges}`,
      (session) => installDomain(session, one, decodeHex(privileges)),
    ]),
  file.map((one): [string, Operation] => [`load ${hex(one)}`, (session) => load(session, one, notebook)]),
  fc
    .tuple(aid, aid, fc.constantFrom(0x04, 0x0c))
    .map(([from, one, p1]): [string, Operation] => [
      `application ${hex(one)} of ${hex(from)}`,
      (session) => installApplication(session, from, one, { p1 }),
    ]),
  aid.map((one): [string, Operation] => [
    `selectable ${hex(one)}`,
    (session) => install(session, 0x08, none, none, one, none, none, none),
  ]),
  fc
    .tuple(aid, aid)
    .map(([one, to]): [string, Operation] => [
      `${hex(one)} to ${hex(to)}`,
      (session) => extradite(session, one, to),
    ]),
  fc
    .tuple(aid, fc.boolean())
    .map(([one, related]): [string, Operation] => [
      `delete ${hex(one)} ${related}`,
      (session) => deleteContent(session, one, related),
    ]),
  fc
    .tuple(aid, fc.constantFrom(0x40, 0x60), fc.constantFrom(0x80, 0x00, 0x07, 0x0f))
    .map(([one, scope, state]): [string, Operation] => [
      `state ${hex(one)} ${scope} ${state}`,
      (session) => setStatus(session, scope, state, one),
    ]),
  fc
    .tuple(version, version, fc.constantFrom(...sets))
    .map(([old, next, keys]): [string, Operation] => [
      `set ${old} ${next}`,
      (session) => putSet(session, next, keys, { old: old === 2 ? 0 : old }),
    ]),
  fc
    .tuple(id, version, version)
    .map(([one, old, next]): [string, Operation] => [
      `key ${one} ${old} ${next}`,
      (session) =>
        putKey(session, { old: old === 2 ? 0 : old, id: one }, next, aesField(session.dek, ownSet[1])),
    ]),
  fc
    .tuple(id, version, version)
    .map(([one, old, next]): [string, Operation] => [
      `generate ${one} ${old} ${next}`,
      (session) => generateKey(session, one, next, old === 2 ? 0 : old),
    ]),
  fc
    .tuple(fc.option(id, { nil: undefined }), version)
    .map(([one, which]): [string, Operation] => [
      `delete key ${one} ${which}`,
      (session) => deleteKeys(session, { ...(one === undefined ? {} : { id: one }), version: which }),
    ]),
  fc
    .tuple(id, version)
    .map(([one, which]): [string, Operation] => [
      `list ${one} ${which}`,
      (session) => storeAllowList(session, one, which, [Uint8Array.of(1)]),
    ]),
  fc
    .tuple(id, version)
    .map(([one, which]): [string, Operation] => [
      `certificates ${one} ${which}`,
      (session) => storeCertificates(session, one, which, decodeHex('3003020101')),
    ]),
)

/** What must hold of what is stored, whatever was done. */
function check(card: Card): void {
  const { registry, domainKeys, objects } = card.module.parts
  const entries = [...registry.list('domain'), ...registry.list('application'), ...registry.list('load-file')]
  const domains = new Set(registry.list('domain').map(({ number }) => number))
  const files = registry.list('load-file')
  for (const one of entries) {
    assert.ok(domains.has(one.domain), `${hex(one.aid)} belongs to a domain`)
    assert.ok(one.number === 0 || registry.isBelow(one, 0), `${hex(one.aid)} is below the issuer`)
    if (one.form === 'application') {
      assert.ok(
        files.some((file) => hex(file.aid) === hex(one.loadFile)),
        `${hex(one.aid)} has a program`,
      )
    }
  }
  const names = [...entries.map((one) => one.aid), ...files.map(({ module }) => module)].map(hex)
  assert.equal(new Set(names).size, names.length, names.join())
  assert.ok(domainKeys.sets(0).length > 0, 'the issuer has a set')
  const numbers = (kind: Parameters<typeof objects.list>[0]) =>
    objects.list(kind).map(({ id: number }) => number)
  const of = (form: Parameters<typeof registry.list>[0]) => registry.list(form).map(({ number }) => number)
  assert.deepEqual(
    numbers('load-file'),
    of('load-file').sort((a, b) => a - b),
  )
  assert.deepEqual(
    numbers('application-data'),
    of('application').sort((a, b) => a - b),
  )
  const keys = new Set<number>()
  for (const kind of ['key', 'public-key'] as const) {
    for (const place of numbers(kind)) {
      keys.add(place)
      assert.ok(domains.has((place >>> 16) & 0xff), `key ${place.toString(16)} is of a domain`)
    }
  }
  for (const place of numbers('sequence-counter')) assert.ok(keys.has(place), `counter ${place.toString(16)}`)
  for (const number of numbers('domain-data')) {
    const [domain, kind, key] = [number >>> 24, (number >>> 16) & 0xff, number & 0xffff]
    assert.ok(domains.has(domain))
    // Kinds from 2 on belong to a key: KID and KVN, the other way round than in its place.
    if (kind < 2) continue
    const place = domainKeys.place(domain, key & 0xff, key >>> 8)
    assert.ok(keys.has(place), `data of key ${place.toString(16)}`)
  }
}

/** A channel with a domain under whatever keys open it; undefined where nobody gets in, and where the name is an application's. */
function openAny(card: Card, target: Uint8Array): Session | undefined {
  if (card.select(target).sw !== 0x9000 || card.module.parts.registry.application !== undefined)
    return undefined
  for (const keys of [ownSet, ...sets]) {
    for (const which of [1, 2, 0x30]) {
      try {
        return openScp03(card, { keys, version: which, level: 0x01 })
      } catch {
        card.select(target)
      }
    }
  }
  return undefined
}

test('whatever is done in whatever order, by the issuer or by domains, what is stored fits together; what is refused changes nothing', () => {
  let effects = 0
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(issuerAid, issuerAid, aids[0]!, aids[1]!), operations), {
        minLength: 60,
        maxLength: 60,
      }),
      (steps) => {
        const card = realCard()
        for (const [who, [, operation]] of steps) {
          const session = openAny(card, who)
          if (session === undefined) continue
          const before = card.objects()
          const events = card.events()
          const { sw } = operation(session)
          const changed = card.changedSince(before)
          if (sw !== 0x9000) {
            assert.deepEqual(changed, [])
            assert.equal(card.events(), events)
          } else {
            assert.ok(card.events() > events)
            effects++
          }
          check(card)
        }
        card.repower()
        check(card)
      },
    ),
    { numRuns: 30 },
  )
  assert.ok(effects > 100, String(effects))
})
