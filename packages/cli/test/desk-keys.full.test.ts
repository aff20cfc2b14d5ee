import assert from 'node:assert/strict'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { keyPlaces } from '@sealwright/core/catalog'
import { parseModulePapers } from '@sealwright/core/customization'
import { openModuleFile } from '@sealwright/node/transport'
import { filesBelow, memoryOf } from './factory-workspaces.ts'
import { commandLine } from './run.ts'
import { holds } from './secret-search.ts'

// The desk with a signing card, two people and a ticket: every word and trace of the commands is kept, and searched for every secret.

const cardSerial = '00000000000000CA'
const cashSerial = '0000000000000001'
const trust = ['--module', 'card.chip', '--root', 'root.pem']
let folder: string

interface Secret {
  readonly bytes: Uint8Array
  /** The files that it belongs in. */
  readonly at: readonly string[]
}
const secrets: Record<string, Secret> = {}

async function tell(...args: string[]): Promise<void> {
  for (const words of [args, [...args, '--json']].slice(0, readsOnly(args) ? 2 : 1)) {
    const { status, stdout, stderr } = await commandLine(folder, words)
    appendFileSync(join(folder, 'words'), `${words.join(' ')}\n${stdout}${stderr}`)
    assert.equal(status, 0, `${words.join(' ')}\n${stderr}`)
  }
}

/** What can be asked once more, as JSON. */
function readsOnly([first, second, third]: readonly string[]): boolean {
  return second === 'show' || third === 'show' || third === 'log' || first === 'keys' || first === 'inspect'
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-desk-keys-'))
  const traced = ['--trace', 'desk.trace']
  await tell('init', '.')
  await tell('manufacturer', 'init-root', '--out', 'root.pem')
  await tell('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
  await tell(
    ...['manufacturer', 'produce', 'fleet.mask', 'card.chip', 'cash.chip', '--delivery-note', 'note'],
  )
  for (const [name, product, serial] of [
    ['card', 'signing-card', cardSerial],
    ['cash', 'cash', cashSerial],
  ] as const) {
    const chip = ['--module', `${name}.chip`]
    await tell('mounter', 'mount', ...chip, '--serial', serial, '--delivery-note', 'note', ...traced)
    // The unlocking key crosses in clear once: its trace is no part of this.
    await tell('issuer', 'unlock', ...chip, '--mask', 'fleet')
    const files = ['--papers', `${name}.papers`, '--request', `${name}.request`]
    const root = ['--manufacturer-root', 'root.pem']
    await tell(
      ...['issuer', 'customize', ...chip, '--mask', 'fleet', '--product', product],
      ...[...root, ...files, ...traced],
    )
    await tell('manufacturer', 'certify-module', `${name}.request`, '--out', `${name}.pem`)
    const certificate = ['--certificate', `${name}.pem`, '--irreversible']
    await tell('issuer', 'finish', ...chip, '--mask', 'fleet', ...certificate, ...traced)
  }
  await tell('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
  await tell(
    ...['central', 'issue-card', ...trust, '--papers', 'card.papers', '--customer', 'Example Bank'],
    ...['--out', 'unit.request', '--fingerprint-out', 'unit.print', ...traced],
  )
  const print = ['--fingerprint-file', 'unit.print', '--out', 'unit.pem']
  await tell('manufacturer', 'certify-unit', 'unit.request', ...print)
  await tell('unit', 'card', 'init', ...trust, '--certificate', 'unit.pem', ...traced)
  for (const [id, duty] of [
    ['asker', 'request'],
    ['approver', 'approve'],
  ] as const) {
    await tell('init', id, '--party', 'person')
    const out = ['--out', `${id}.enrolment`, '--fingerprint-out', `${id}.print`]
    await tell('person', 'init', '--id', id, '--workspace', id, ...out)
    const told = ['--fingerprint-file', `${id}.print`, '--duty', duty, '--out', 'people.roster']
    await tell('central', 'enrol', `${id}.enrolment`, ...told)
  }
  await tell(
    ...['central', 'ticket', 'issue', '--unit', 'unit.pem', '--unit-fingerprint-file', 'unit.print'],
    ...['--count', '3', '--until', '2099-12-31', '--out', 'unit.ticket'],
  )
  await tell('unit', 'card', 'take', 'people.roster', 'unit.ticket', ...trust, ...traced)
  const order = ['--module', 'card.chip', '--serial', cashSerial, '--out', 'cash.order']
  await tell('unit', 'card', 'order', ...order, ...traced)
  await tell('person', 'request', 'cash.order', '--workspace', 'asker', '--out', 'cash.asked')
  await tell(
    ...['person', 'approve', 'cash.asked', '--workspace', 'approver', '--roster', 'people.roster'],
    ...['--central', 'central.request', '--central-fingerprint-file', 'central.print'],
    ...['--out', 'cash.approved'],
  )
  await tell(
    ...['unit', 'personalize', '--module', 'cash.chip', '--serial', cashSerial, '--card', 'card.chip'],
    ...['--root', 'root.pem', '--approval', 'cash.asked', '--approval', 'cash.approved'],
    ...['--papers', 'cash.papers', '--out', 'operating.pem', ...traced],
  )
  await tell('unit', 'card', 'show', '--module', 'card.chip', ...traced)
  await tell('unit', 'card', 'log', ...trust, '--out', 'card.log')
  await tell('module', 'show', '--module', 'cash.chip', ...traced)
  await tell('module', 'map', '--module', 'card.chip')
  for (const party of ['central', 'unit', 'manufacturer', 'issuer']) await tell('keys', party)
  for (const file of ['cash.asked', 'cash.approved', 'people.roster', 'unit.ticket', 'card.log']) {
    await tell('inspect', file)
  }
  for (const chip of ['card.chip', 'cash.chip']) {
    await tell('module', 'backup', chip, '--out', `${chip}.backup`)
    cpSync(join(folder, chip), join(folder, `${chip}.copy`))
  }

  for (const [chip, place, name] of [
    ['card.chip', keyPlaces.unitSigning, "the unit's key in the card"],
    ['card.chip', keyPlaces.identity, "the card's identity key"],
    ['cash.chip', keyPlaces.identity, "the module's identity key"],
    ['cash.chip', keyPlaces.operating, "the module's operating key"],
    ['card.chip', keyPlaces.document, "ENC of the card's document channel"],
    ['cash.chip', keyPlaces.document, "ENC of the module's document channel"],
  ] as const) {
    const { module, close } = openModuleFile(join(folder, chip))
    secrets[name] = { bytes: module.parts.objects.read('key', place)!.slice(1), at: [] }
    await close()
  }
  for (const name of ['card', 'cash']) {
    const papers = `${name}.papers`
    const { documentKey } = parseModulePapers(new Uint8Array(readFileSync(join(folder, papers))))
    const serial = name === 'card' ? cardSerial : cashSerial
    secrets[`the document key of ${name}`] = {
      bytes: documentKey,
      at: [
        papers,
        `issuer/keys/document/${serial.toLowerCase()}.secret`,
        ...(name === 'card' ? [`central/keys/document/${serial.toLowerCase()}.secret`] : []),
      ],
    }
  }
  for (const [key, name] of [
    ['asker/person/keys/approval.p256.der', "the asker's key"],
    ['approver/person/keys/approval.p256.der', "the approver's key"],
    ['central/keys/session.p256.der', "the central system's key"],
    ['manufacturer/keys/root.p256.der', "the manufacturer's root key"],
    ['unit/keys/log-signing.p256.der', "the unit's log key"],
  ] as const) {
    // PKCS #8 of a P-256 key: the scalar stands behind 36 bytes.
    secrets[name] = { bytes: new Uint8Array(readFileSync(join(folder, key)).subarray(36, 68)), at: [key] }
  }
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('[R6a][R6b] a planted key is found in words, traces, chips, copies and backups', () => {
  const [secret] = Object.values(secrets)
  for (const victim of ['words', 'desk.trace', 'card.chip', 'cash.chip.copy', 'card.chip.backup']) {
    const path = join(folder, victim)
    const content = readFileSync(path)
    writeFileSync(path, Buffer.concat([content.subarray(0, 200), secret!.bytes, content.subarray(200)]))
    assert.deepEqual(filesWith(secret!.bytes), [victim])
    writeFileSync(path, content)
  }
})

test('[R6a][R6b] no key of the desk stands in a file, trace, word, chip, copy or backup but where it belongs', () => {
  assert.ok(Object.keys(secrets).length >= 13)
  for (const [name, { bytes, at }] of Object.entries(secrets)) {
    assert.ok(bytes.length >= 16, name)
    assert.deepEqual(filesWith(bytes).sort(), [...at].sort(), name)
  }
})

test("[R6c][B3a] the unit's key stands in the card's memory once; its module's keys nowhere in it, nor the card's in the module", async () => {
  const [card, cash] = [
    Buffer.from(await memoryOf(join(folder, 'card.chip'))),
    Buffer.from(await memoryOf(join(folder, 'cash.chip'))),
  ]
  const unit = secrets["the unit's key in the card"]!.bytes
  assert.equal(copies(card, unit), 1)
  assert.ok(!holds(cash, unit))
  const operating = secrets["the module's operating key"]!.bytes
  assert.equal(copies(cash, operating), 1)
  assert.ok(!holds(card, operating))
  for (const name of ['the document key of card', 'the document key of cash', "the central system's key"]) {
    assert.ok(!holds(card, secrets[name]!.bytes), name)
    assert.ok(!holds(cash, secrets[name]!.bytes), name)
  }
})

function copies(memory: Buffer, key: Uint8Array): number {
  let count = 0
  for (let at = memory.indexOf(key); at >= 0; at = memory.indexOf(key, at + 1)) count++
  return count
}

function filesWith(secret: Uint8Array): string[] {
  return filesBelow(folder).filter((name) => holds(readFileSync(join(folder, name)), secret))
}
