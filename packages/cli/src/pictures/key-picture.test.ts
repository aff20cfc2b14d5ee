import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeHex } from '@sealwright/core/bytes'
import { keyPicture } from './key-picture.ts'

test('the picture of the paper that describes the walk', () => {
  assert.deepEqual(keyPicture(decodeHex('FC94B0C1E5B0987C5843997697EE9FB7')), [
    '+-----------------+',
    '|       .=o.  .   |',
    '|     . *+*. o    |',
    '|      =.*..o     |',
    '|       o + ..    |',
    '|        S o.     |',
    '|         o  .    |',
    '|          .  . . |',
    '|              o .|',
    '|               E.|',
    '+-----------------+',
  ])
})

test('pictures of 32 bytes are those of ssh-keygen', (t) => {
  if (spawnSync('ssh-keygen', ['-?']).error !== undefined)
    return t.diagnostic('not run: ssh-keygen is not installed')
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-key-picture-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (let i = 0; i < 4; i++) {
    const { publicKey } = generateKeyPairSync('ed25519')
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')
    const blob = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(raw)])
    const file = join(folder, `${i}.pub`)
    writeFileSync(file, `ssh-ed25519 ${blob.toString('base64')}\n`)
    const { stdout } = spawnSync('ssh-keygen', ['-lv', '-f', file], { encoding: 'utf8' })
    const theirs = stdout.split('\n').slice(2, 11)
    assert.deepEqual(keyPicture(createHash('sha256').update(blob).digest()).slice(1, 10), theirs)
  }
})

test('the label stands in the middle of the lower edge', () => {
  const lines = keyPicture(new Uint8Array(32), 'identity')
  assert.equal(lines.length, 11)
  assert.equal(lines.at(-1), '+---[identity]----+')
  for (const line of lines) assert.equal(line.length, 19)
})

function field(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
