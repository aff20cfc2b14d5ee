import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readFindings, writeFinding } from './finding.ts'
import { replay } from './replay.ts'
import { targetNames } from './targets.ts'

test('[R3a][R3b] no input that once broke a law breaks one now', async () => {
  const findings = readFindings()
  assert.ok(findings.size > 0)
  for (const [name, finding] of findings) {
    assert.ok((targetNames as readonly string[]).includes(finding.target), name)
    assert.equal(await replay(finding), undefined, name)
  }
})

test('[R3a] a finding is replayed as it was written, one file for each defect', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'regress-'))
  try {
    const defect = { kind: 'throws', subject: 'parseNote', detail: 'TypeError core/log/note.ts', text: 'why' }
    const finding = {
      version: 1,
      target: 'parser',
      defect,
      input: { parser: 'parseNote', bytes: '00FF' },
    } as const
    const path = writeFinding(finding, folder)
    assert.equal(writeFinding({ ...finding, input: { parser: 'parseNote', bytes: '' } }, folder), path)
    assert.notEqual(
      writeFinding({ ...finding, defect: { ...defect, detail: 'TypeError elsewhere' } }, folder),
      path,
    )
    assert.deepEqual(readdirSync(folder), [
      'parse-note-throws-type-error-2.json',
      'parse-note-throws-type-error.json',
    ])
    assert.deepEqual([...readFindings(folder).values()].at(-1), finding)
    assert.equal(await replay(finding), undefined)
    await assert.rejects(replay({ target: 'parser', input: { parser: 'parseNothing', bytes: '' } }))
    await assert.rejects(replay({ target: 'nothing', input: {} }))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('[R3b] a sequence of a life is replayed by the name of its chip', async () => {
  const input = {
    chip: 'prepare, terminal',
    steps: ['reset', { command: '80540000', data: '00' }, { open: 'central' }],
  }
  assert.equal(await replay({ target: 'dispatcher', input }), undefined)
  await assert.rejects(replay({ target: 'dispatcher', input: { ...input, chip: 'no such chip' } }))
})
