import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ascii, decodeHex } from '@sealwright/core/bytes'
import { readSecret } from './secret.ts'
import type { Terminal } from './terminal.ts'

const cwd = mkdtempSync(join(tmpdir(), 'sealwright-secret-'))
after(() => rmSync(cwd, { recursive: true }))

function terminal(change: Partial<Terminal> = {}): Terminal {
  return {
    cwd,
    print: () => {},
    say: () => {},
    readInput: () => ascii('from input\n'),
    readDescriptor: (descriptor) => ascii(`from ${descriptor}`),
    ...change,
  }
}

test('a secret comes from a file, standard input, a descriptor or a person', async () => {
  writeFileSync(join(cwd, 'file'), 'from a file\r\n')
  assert.deepEqual(await readSecret(terminal(), 'file', 'PIN'), ascii('from a file'))
  assert.deepEqual(await readSecret(terminal(), '-', 'PIN'), ascii('from input'))
  assert.deepEqual(await readSecret(terminal(), 'fd:3', 'PIN'), ascii('from 3'))
  const asked: string[] = []
  const person = terminal({
    askSecret: async (question) => {
      asked.push(question)
      return 'from a person'
    },
  })
  assert.deepEqual(await readSecret(person, undefined, 'PIN'), ascii('from a person'))
  assert.deepEqual(asked, ['PIN: '])
})

test('hex digits are the bytes they spell, blanks apart; anything else is taken as it is', async () => {
  const cases: [text: string, bytes: Uint8Array][] = [
    ['00ff Aa\n', decodeHex('00FFAA')],
    ['00FFA', ascii('00FFA')],
    ['00FG', ascii('00FG')],
    ['line\n\n', ascii('line\n')],
  ]
  for (const [text, bytes] of cases) {
    assert.deepEqual(await readSecret(terminal({ readInput: () => ascii(text) }), '-', 'key'), bytes)
  }
})

test('nothing, a missing file, and nobody to ask are errors', async () => {
  await assert.rejects(readSecret(terminal({ readInput: () => ascii('\n') }), '-', 'key'), { code: 'usage' })
  await assert.rejects(readSecret(terminal(), 'nowhere', 'key'), { code: 'file-missing' })
  await assert.rejects(readSecret(terminal(), undefined, 'key'), {
    code: 'usage',
    message: /run the command at a terminal/,
  })
})
