import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './files.ts'
import { shellBlocks } from './readme.ts'

const fence = '```'

test('shell blocks are found with their lines, others are left', () => {
  const page = [
    'a',
    `${fence}sh`,
    'one',
    'two',
    fence,
    `${fence}ts`,
    'three',
    fence,
    `${fence}sh`,
    'four',
    fence,
    `${fence}sh reader`,
    'five',
    fence,
  ]
  assert.deepEqual(shellBlocks(page.join('\n')), [
    { line: 2, commands: 'one\ntwo', reader: false },
    { line: 9, commands: 'four', reader: false },
    { line: 12, commands: 'five', reader: true },
  ])
})

test('a block without an end is refused', () => {
  assert.throws(() => shellBlocks(`${fence}sh\none`), /has no end/)
})

test('the README gives the two commands, each in a block of its own', () => {
  const blocks = shellBlocks(readFileSync(join(root, 'README.md'), 'utf8')).map(({ commands }) => commands)
  assert.deepEqual(blocks.slice(0, 2), ['npm ci && npm run demo', 'npm ci && npm test'])
})
