import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { errorTable } from '@sealwright/core/errors'
import { unpackWorkspace } from '@sealwright/node/testing'
import { commandLine, commandLineJson } from './run.ts'

// A workspace as the release before the sealed chips left it: one chip in operation, one in customization mode, one blank, and a loader
// whose last transaction was cut: its record is in the journal, and two of its five pages are written.

const folder = mkdtempSync(join(tmpdir(), 'sealwright-release-1-'))
after(() => rmSync(folder, { recursive: true }))
const work = join(folder, 'w')
unpackWorkspace('release-1', work)

async function good(line: string): Promise<{ stdout: string; stderr: string }> {
  const ran = await commandLine(work, line.split(' '))
  assert.equal(ran.status, 0, `${line}\n${ran.stderr}`)
  return ran
}

test('what only looks at an old chip file says what it is, and changes nothing', async () => {
  const before = readFileSync(join(work, 'chips/cash.chip'))
  const { status, json } = await commandLineJson(work, ['module', 'verify', 'chips/cash.chip'])
  assert.equal(status, errorTable['memory-unsealed'].exit)
  assert.equal(json['code'], 'memory-unsealed')
  assert.equal(json['version'], 1)
  assert.equal(json['verified'], false)
  assert.deepEqual(
    json['findings'].map(({ verdict }: { verdict: string }) => verdict),
    ['good', ...new Array(9).fill('unverified')],
  )
  assert.match((await good('inspect chips/cash.chip')).stdout, /format version 1, not sealed/)
  assert.deepEqual(readFileSync(join(work, 'chips/cash.chip')), before)
  assert.equal(readdirSync(join(work, 'chips')).length, 4)
})

test('chip files of format 1 are made new when they are opened; a copy of each is kept, and it is said', async () => {
  const names = ['blank', 'cash', 'loader', 'open']
  const old = names.map((name) => readFileSync(join(work, `chips/${name}.chip`)))
  const { stdout, stderr } = await good('module list chips')
  assert.match(stdout, /cash\.chip +0000000000000001 +user +– +operating/)
  assert.match(stdout, /loader\.chip +0000000000000002 +user/)
  assert.match(stdout, /open\.chip +0000000000000003 +customization/)
  assert.match(stdout, /blank\.chip +– +issuer/)
  for (const [i, name] of names.entries()) {
    const chip = `chips/${name}.chip`
    assert.deepEqual(readFileSync(join(work, `${chip}.v1`)), old[i])
    assert.equal(readFileSync(join(work, chip))[7], 2)
    assert.equal(statSync(join(work, `${chip}.key`)).mode & 0o777, 0o600)
    assert.match(stderr, new RegExp(`${name}\\.chip was of format version 1`))
    const { json } = await commandLineJson(work, ['module', 'verify', chip])
    assert.equal(json['verified'], true, JSON.stringify(json))
  }
  assert.deepEqual(readdirSync(join(work, 'chips')).length, 12)
  // Once is enough.
  assert.doesNotMatch((await good('module list chips')).stderr, /format version/)
})

test('the transaction that was cut is there, and its command run again settles', async () => {
  const line = 'loader key new --module chips/loader.chip --reference 0x00010A01 --usage M6 --mode C'
  await good(line)
  const { json } = await commandLineJson(work, ['loader', 'key', 'list', '--module', 'chips/loader.chip'])
  assert.match(JSON.stringify(json), /00010A01/)
  assert.match((await good('outbox loader')).stdout, /key-made/)
})

test('whatever comes next in the life of each chip is done', async () => {
  await good(
    'central session --module chips/cash.chip --unit certs/unit.pem --serial 0000000000000001 --withdraw 500 --account DE02120300000000202051 --currency EUR',
  )
  await good(
    'issuer finish --module chips/open.chip --mask small --certificate certs/open-identity.pem --irreversible',
  )
  await good(
    'mounter mount --module chips/blank.chip --serial 0000000000000004 --delivery-note exchange/small.note --print BLANK',
  )
  await good('issuer unlock --module chips/blank.chip --mask small')
  await good('manufacturer produce exchange/small.mask chips/next.chip --delivery-note exchange/small.note')
  assert.ok(existsSync(join(work, 'chips/next.chip.key')))
  for (const party of ['mounter', 'issuer', 'unit', 'loader']) {
    await good(`outbox ${party} --out exchange/${party}.entries`)
    await good(`log append exchange/${party}.entries`)
  }
  const { json } = await commandLineJson(work, ['log', 'verify'])
  assert.deepEqual(json['problems'], [])
})
