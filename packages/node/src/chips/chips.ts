import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { UsageError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import { layOutMask, maskedImage, maskGeometry, programMask } from '@sealwright/module/mask'
import type { Geometry } from '@sealwright/module/medium'
import { layOutPlain, makePlain, type PlainParts } from '@sealwright/module/profile'
import { compileProgram } from '@sealwright/module/program'
import type { ChipFactory, MaskLayout } from '@sealwright/roles/ports'
import { nodeCrypto } from '../crypto/index.ts'
import { onFile } from '../files/index.ts'
import { FileMedium } from '../medium/index.ts'

/** Lays masks out for the chips of this project. */
export const maskLayout: MaskLayout = {
  layOut: layOutMask,
  image: maskedImage,
  check(customization) {
    const { functions, interfaces } = compileProgram(customization)
    if (functions.get('process') !== 'entry')
      throw new UsageError('customization software must export `process`')
    if (interfaces.some((name) => name !== 'io' && name !== 'chip')) {
      throw new UsageError('customization software may import the interfaces io and chip only')
    }
  },
}

/** Makes a plain GlobalPlatform module as a chip file; false when there is a file of that name, which stays as it is. */
export function makePlainChip(path: string, parts: PlainParts, crypto: Crypto = nodeCrypto): boolean {
  const { geometry, rom } = layOutPlain(parts)
  return makeWhole(path, geometry, rom, (medium) => makePlain(medium, crypto, parts))
}

/** Makes chips as chip files; their names are paths below `folder`, or absolute. */
export function chipFactory(folder: string, crypto: Crypto = nodeCrypto): ChipFactory {
  return {
    digests(mask) {
      const { bytes } = maskedImage(mask)
      return { romDigest: crypto.sha256(mask.rom), imageDigest: crypto.sha256(bytes) }
    },
    async make(name, mask) {
      return makeWhole(resolve(folder, name), maskGeometry(mask), mask.rom, (medium) =>
        programMask(medium, mask),
      )
    },
  }
}

/** Made beside its place and linked when it is complete: a chip that is there is a whole one. */
function makeWhole(
  path: string,
  geometry: Geometry,
  rom: Uint8Array,
  fill: (medium: FileMedium) => void,
): boolean {
  if (existsSync(path)) return false
  const draftFolder = onFile(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    return mkdtempSync(join(dirname(path), '.draft-'))
  })
  try {
    const draft = join(draftFolder, 'chip')
    const medium = FileMedium.create(draft, geometry, rom)
    try {
      fill(medium)
    } finally {
      medium.close()
    }
    onFile(path, () => linkSync(draft, path))
  } finally {
    rmSync(draftFolder, { recursive: true, force: true })
  }
  return true
}
