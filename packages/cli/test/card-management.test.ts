import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { initWorkspace } from '@sealwright/node/workspace'
import { scenes } from '../src/demo/index.ts'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

// A module of our own flows, personalized, with a supplier's application in it, in the hands of a GlobalPlatform tool.

const chip = 'chips/phone.chip'
const bank = 'F053570101'
const domain = 'A00000000001020304'
let folder = ''

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-'))
  await initWorkspace(folder, { command: 'test' })
  for (const stage of scenes.flatMap((scene) => scene.stages)) {
    const own = stage.module === chip || stage.module === undefined
    for (const line of own ? stage.commandLines : []) await commandLine(folder, line)
    if (stage.name === 'load') return
  }
})
after(() => rmSync(folder, { recursive: true, force: true }))

const gp = (words: readonly string[]): Promise<{ status: number | null; json: JsonObject }> =>
  commandLineJson(folder, ['gp', ...words, '--module', chip, '--papers', 'exchange/phone.papers'])

test('[E2b] a personalized module is managed under keys from its papers, beside what our own flows put there', async () => {
  const { status, json } = await gp(['list'])
  assert.equal(status, 0)
  assert.match(JSON.stringify(json), new RegExp(bank))
  assert.equal((await gp(['domain', domain])).status, 0)
  assert.match(JSON.stringify((await gp(['list'])).json), new RegExp(domain))
  assert.equal((await gp(['delete', domain])).status, 0)
})

test("[E2b] a supplier's application stays its operator's: the card's keys neither delete nor lock it", async () => {
  for (const words of [
    ['delete', bank],
    ['lock', bank],
  ]) {
    const { status, json } = await gp(words)
    assert.equal(status, 6, JSON.stringify(json))
    assert.match(JSON.stringify(json), /6982/)
  }
})

test("[E2b] another module's papers open nothing, and cost nothing", async () => {
  const papers = readFileSync(join(folder, 'exchange/phone.papers'))
  papers[papers.length - 1]! ^= 1
  writeFileSync(join(folder, 'other.papers'), papers)
  const words = ['gp', 'list', '--module', chip, '--papers', 'other.papers', '--json']
  for (let i = 0; i < 3; i++) assert.equal((await commandLine(folder, words)).status, 5)
  assert.equal((await gp(['list'])).status, 0)
})
