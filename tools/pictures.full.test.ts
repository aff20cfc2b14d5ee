import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './files.ts'
import { drawMemory, memoryPicture } from './pictures.ts'

test('the picture of a memory in docs is what the sources draw', async () => {
  const drawn = await drawMemory()
  assert.match(drawn, /resource 1 program/)
  assert.ok(
    readFileSync(join(root, memoryPicture), 'utf8') === drawn,
    `${memoryPicture} is out of date: npm run docs`,
  )
})
