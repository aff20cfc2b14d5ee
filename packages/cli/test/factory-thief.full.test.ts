import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { concat, equal } from '@sealwright/core/bytes'
import { openModuleFile } from '@sealwright/node/transport'
import { factoryWorkspaces, filesBelow, memoryOf, mountedChips } from './factory-workspaces.ts'

const world = await factoryWorkspaces()
after(() => rmSync(world.folder, { recursive: true }))

test('[D9f] no 32 bytes in any file of manufacturer and mounter, nor in the memory of their chips, decrypt the customization software', async () => {
  const image = await encryptedImage()
  // The search finds the key where it is.
  assert.deepEqual(keysIn(filesOf(world.issuer), image), [Buffer.from(world.unlocking.key).toString('hex')])
  const chips = await Promise.all(mountedChips.map((chip) => memoryOf(join(world.mounter, chip))))
  const theirs = [...filesOf(world.manufacturer), ...filesOf(world.mounter), ...chips]
  assert.ok(theirs.length > 60)
  assert.deepEqual(keysIn(theirs, image), [])
})

async function encryptedImage(): Promise<Uint8Array> {
  const opened = openModuleFile(join(world.mounter, mountedChips[0]))
  const image = opened.module.parts.objects.read('encrypted-image', 0)!
  await opened.close()
  return image
}

function filesOf(folder: string): Uint8Array[] {
  return filesBelow(folder).map((name) => readFileSync(join(folder, name)))
}

/** Every run of 32 bytes, also as hex digits spell it, that decrypts the image to one with WebAssembly where it must be; in hex. */
function keysIn(contents: readonly Uint8Array[], image: Uint8Array): string[] {
  const candidates = new Set<string>()
  for (const content of contents) {
    const text = Buffer.from(content).toString('latin1')
    const spelled = [...text.matchAll(/[0-9A-Fa-f]{64,}/g)].map(([digits]) =>
      Buffer.from(digits, 'hex').toString('latin1'),
    )
    for (const bytes of [text, ...spelled]) {
      for (let at = 0; at + 32 <= bytes.length; at++) {
        const window = bytes.slice(at, at + 32)
        if (new Set(window).size > 12) candidates.add(window)
      }
    }
  }
  // Behind version, form and signature, 66 bytes, the program begins: in the fifth block.
  const counter = concat(image.subarray(0, 12), Uint8Array.of(0, 0, 0, 0))
  const low = Buffer.from(image.subarray(0, 16))
  let carry = 4
  for (let i = 15; i >= 0 && carry > 0; i--) {
    carry += low[i]!
    low[i] = carry & 0xff
    carry >>= 8
  }
  counter.set(low)
  const sealed = image.subarray(16 + 64, 16 + 80)
  const found: string[] = []
  for (const candidate of candidates) {
    const key = Buffer.from(candidate, 'latin1')
    const stream = createCipheriv('aes-256-ecb', key, null).update(counter)
    const magic = stream.subarray(2, 10).map((byte, i) => byte ^ sealed[2 + i]!)
    if (!equal(magic, Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0))) continue
    const plain = createDecipheriv('aes-256-ctr', key, image.subarray(0, 16)).update(image.subarray(16))
    assert.equal(plain[0], 1)
    found.push(key.toString('hex'))
  }
  return found
}
