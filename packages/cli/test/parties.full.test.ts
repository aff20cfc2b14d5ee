import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { errorTable } from '@sealwright/core/errors'
import { openModuleFile } from '@sealwright/node/transport'
import { openParty, openWorkspace } from '@sealwright/node/workspace'
import { type PartyName, parties } from '@sealwright/roles/ports'
import { scenes } from '../src/demo/index.ts'
import { commandLine, commandLineJson, type Ran, sealwright } from './run.ts'
import { outcomeOf } from './story.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-parties-'))
after(() => rmSync(folder, { recursive: true }))
const work = join(folder, 'work')
const attic = join(folder, 'attic')

interface Step {
  readonly words: readonly string[]
  readonly party: PartyName | undefined
  readonly ran: Ran
}
const steps: Step[] = []

/** The story, each command line with nothing in the workspace but its own party's folder and the files that it names. */
before(async () => {
  await commandLine(folder, ['init', 'work'])
  for (const words of scenes.flatMap((scene) => scene.stages.flatMap((stage) => stage.commandLines))) {
    const party = partyOf(words)
    const hidden = hide(words, party)
    const ran = await commandLine(work, words)
    steps.push({ words, party, ran })
    assert.equal(ran.status, 0, `${words.join(' ')}\n${ran.stderr}`)
    for (const path of hidden) renameSync(join(attic, path), join(work, path))
  }
})

test("[D9a] every step of the manufacturer runs from what he was given; all other parties' folders are gone", () =>
  ranAlone('manufacturer'))

test("[D9b] every step of the mounter runs from chips, serial numbers and a delivery note; all other parties' folders are gone", () =>
  ranAlone('mounter'))

test("[D9e] every step of the issuer runs from its own keys and the chip; all other parties' folders are gone", () =>
  ranAlone('issuer'))

for (const party of Object.keys(parties) as PartyName[]) {
  if (['manufacturer', 'mounter', 'issuer'].includes(party)) continue
  test(`every step of the party ${party} runs with all other parties' folders gone`, () => ranAlone(party))
}

function ranAlone(party: PartyName): void {
  const own = steps.filter((step) => step.party === party)
  assert.ok(own.length > 0)
  for (const { words, ran } of own) assert.equal(ran.status, 0, words.join(' '))
}

test('steps that look at a module need no party at all', () => {
  const looking = steps.filter(({ party }) => party === undefined)
  assert.ok(looking.length > 0)
  for (const { words } of looking) assert.equal(words[0], 'module')
})

test('what the parties did apart from one another holds together', async () => {
  const { status, json } = await commandLineJson(work, ['log', 'verify'])
  assert.equal(status, 0)
  assert.deepEqual(json['problems'], [])
  const { events, maps } = await outcomeOf(work)
  assert.ok(events.length > 25)
  assert.ok(maps['phone.chip']?.some((segment) => segment.startsWith('resource 1: ')))
})

test('a command of a party whose folder is not here says so', async () => {
  const alone = join(folder, 'alone')
  await commandLine(folder, ['init', 'alone', '--party', 'mounter'])
  const { status, json } = await commandLineJson(alone, ['keys', 'issuer'])
  assert.equal(status, errorTable['party-missing'].exit)
  assert.equal(json['error'].code, 'party-missing')
})

test('[X8b] the second process on a party is told who holds it, and waits for nobody', () => {
  const held = openParty(openWorkspace(work), 'issuer', { command: 'sealwright issuer something' })
  try {
    const { status, stdout, stderr } = sealwright(work, ['keys', 'issuer', '--json'])
    const { error } = JSON.parse(stdout)
    assert.equal(status, errorTable[error.code as keyof typeof errorTable].exit)
    assert.equal(error.details.pid, process.pid)
    assert.match(stderr, /held by sealwright issuer something, process \d+/)
  } finally {
    held.close()
  }
  assert.equal(sealwright(work, ['keys', 'issuer']).status, 0)
})

test('[X8b] the second process on a module is told who holds it', async () => {
  const held = openModuleFile(join(work, 'chips/phone.chip'), { command: 'sealwright supplier something' })
  try {
    const { status, stdout, stderr } = sealwright(work, [
      'module',
      'show',
      '--module',
      'chips/phone.chip',
      '--json',
    ])
    const { error } = JSON.parse(stdout)
    assert.equal(status, errorTable['memory-held'].exit)
    assert.equal(error.code, 'memory-held')
    assert.equal(error.details.pid, process.pid)
    assert.match(stderr, /held by sealwright supplier something, process \d+/)
  } finally {
    await held.close()
  }
})

/** Whose step a command line is; undefined where it only looks at a module. */
function partyOf([first, second]: readonly string[]): PartyName | undefined {
  if (first === 'outbox') return second as PartyName
  if (first === 'passport') return 'log'
  if (first !== 'module') return first as PartyName
  return { 'install-t': 'loader', 'import-key': 'terminal' }[second!] as PartyName | undefined
}

/** Takes out of the workspace every party but one, and every file that the words do not name. Returns what was taken. */
function hide(words: readonly string[], party: PartyName | undefined): string[] {
  const gone = (Object.keys(parties) as PartyName[]).filter((name) => name !== party)
  for (const shared of ['exchange', 'chips', 'certs']) {
    if (!existsSync(join(work, shared))) continue
    for (const file of readdirSync(join(work, shared))) {
      // A chip's key goes with its chip.
      const named = words.includes(join(shared, file.replace(/\.chip\.key$/, '.chip')))
      if (statSync(join(work, shared, file)).isFile() && !named) {
        gone.push(join(shared, file) as PartyName)
      }
    }
  }
  for (const path of gone) {
    mkdirSync(dirname(join(attic, path)), { recursive: true })
    renameSync(join(work, path), join(attic, path))
  }
  return gone
}
