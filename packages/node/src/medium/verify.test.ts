import assert from 'node:assert/strict'
import * as files from 'node:fs'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ascii } from '@sealwright/core/bytes'
import { openNvm } from '@sealwright/module/eeprom'
import { geometryFor } from '@sealwright/module/medium'
import { backUpChip, ChipFile, createChip, type Files, type Verification, verifyChip } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealwright-verify-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const newPath = (): string => join(mkdtempSync(join(folder, `${count++}-`)), 'one.chip')

const textOf = ({ findings }: Verification, check: string): string =>
  findings.find((one) => one.check === check)!.text

/** Findings of what a memory without ROM can be checked for. */
function failedIn({ findings }: Verification): string[] {
  return findings.filter(({ verdict }) => verdict === 'failed').map(({ check, text }) => `${check}: ${text}`)
}

test('[R1b] after a power cut at any write, torn or not, it finds nothing worse than torn, changes nothing, and no backup is made of a half', () => {
  const seen = new Set<string>()
  for (const torn of [false, true]) {
    for (let step = 1; ; step++) {
      const path = newPath()
      createChip(path, { geometry: geometryFor(32 * 1024), pages: [] })
      {
        const chip = ChipFile.open(path)
        openNvm(chip.medium).transaction((tx) => tx.write(20_000, ascii('old')))
        chip.close()
      }
      const dying = dyingAt(step, torn)
      const chip = ChipFile.open(path, { files: dying.files })
      const nvm = openNvm(chip.medium)
      dying.arm()
      let done = false
      try {
        nvm.transaction((tx) => {
          tx.write(20_000, ascii('new'))
          tx.write(25_000, ascii('new'))
        })
        done = true
      } catch {}
      chip.close()
      const before = contents(path)
      const found = verifyChip(path)
      assert.deepEqual(failedIn(found), [], `step ${step}`)
      for (const { kind } of found.pages) assert.equal(kind, 'torn')
      if (found.pages.length > 0) seen.add('torn pages')
      if (/cells was torn/.test(textOf(found, 'counter'))) seen.add('a torn cell')
      const journal = textOf(found, 'journal')
      seen.add(journal.replace(/[0-9]+/, 'N'))
      assert.deepEqual(contents(path), before)
      if (journal === 'empty') backUpChip(path)
      else assert.throws(() => backUpChip(path), { code: 'wrong-state' })
      assert.deepEqual(contents(path), before)
      const again = ChipFile.open(path)
      assert.match(new TextDecoder().decode(openNvm(again.medium).read(20_000, 3)), /^(old|new)$/)
      again.close()
      backUpChip(path)
      if (done) break
    }
  }
  assert.deepEqual([...seen].sort(), [
    'a torn cell',
    'a transaction of N pages waits for the next start, which carries it out',
    'empty',
    'rests of a transaction that never counted, which the next start erases',
    'torn pages',
  ])
})

test('it opens nothing for writing and calls nothing that changes a disk', () => {
  const path = newPath()
  createChip(path, { geometry: geometryFor(32 * 1024), pages: [] })
  const refuse = (): never => {
    throw new Error('a read-only medium')
  }
  const readOnly: Files = {
    ...files,
    openSync: ((name: string, flags: string) =>
      flags === 'r' ? files.openSync(name, flags) : refuse()) as Files['openSync'],
    fdatasyncSync: refuse,
    fsyncSync: refuse,
    ftruncateSync: refuse,
    linkSync: refuse,
    renameSync: refuse,
    rmSync: refuse,
    writeSync: refuse,
  }
  assert.deepEqual(failedIn(verifyChip(path, { files: readOnly })), [])
  assert.throws(() => ChipFile.open(path, { files: readOnly }), /read-only/)
})

function contents(path: string): Record<string, string> {
  const where = join(path, '..')
  return Object.fromEntries(
    readdirSync(where)
      .sort()
      .map((name) => [name, readFileSync(join(where, name)).toString('base64')]),
  )
}

/** Power that ends at the n-th write or sync after `arm`; the write that it ends at is made in part, if so wished. */
function dyingAt(n: number, torn: boolean): { files: Files; arm(): void } {
  let steps = Number.NEGATIVE_INFINITY
  const live = (): void => {
    if (steps >= n) throw new Error('power lost')
  }
  return {
    arm() {
      steps = 0
    },
    files: {
      ...files,
      writeSync: ((file: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
        live()
        if (++steps >= n) {
          if (torn) files.writeSync(file, bytes, offset, Math.floor(length / 2), position)
          throw new Error('power lost')
        }
        return files.writeSync(file, bytes, offset, length, position)
      }) as Files['writeSync'],
      fdatasyncSync: (file: number) => {
        live()
        if (++steps >= n) throw new Error('power lost')
        files.fdatasyncSync(file)
      },
    },
  }
}
