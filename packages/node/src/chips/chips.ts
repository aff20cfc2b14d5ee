import { existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { UsageError } from '@sealwright/core/errors'
import { layOutMask, maskedImage, maskGeometry, programMask } from '@sealwright/module/mask'
import { type Geometry, RamMedium } from '@sealwright/module/medium'
import { layOutPlain, makePlain, type PlainParts } from '@sealwright/module/profile'
import { compileProgram } from '@sealwright/module/program'
import type { ChipFactory, MaskLayout } from '@sealwright/roles/ports'
import { nodeCrypto } from '../crypto/index.ts'
import { onFile } from '../files/index.ts'
import { type ChipOptions, createChip } from '../medium/index.ts'

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

/**
 * Makes a plain GlobalPlatform module as a chip file with its key file; false when there is a file of that name, which stays as it is.
 */
export function makePlainChip(path: string, parts: PlainParts, options: ChipOptions = {}): boolean {
  const { geometry, rom } = layOutPlain(parts)
  return makeWhole(path, geometry, rom, options, (medium) =>
    makePlain(medium, options.crypto ?? nodeCrypto, parts),
  )
}

/** Makes chips as chip files, each with its key file; their names are paths below `folder`, or absolute. */
export function chipFactory(folder: string, options: ChipOptions = {}): ChipFactory {
  const { crypto = nodeCrypto } = options
  return {
    digests(mask) {
      const { bytes } = maskedImage(mask)
      return { romDigest: crypto.sha256(mask.rom), imageDigest: crypto.sha256(bytes) }
    },
    async make(name, mask) {
      return makeWhole(resolve(folder, name), maskGeometry(mask), mask.rom, options, (medium) =>
        programMask(medium, mask),
      )
    },
  }
}

/** Filled in RAM and sealed as it is then: a chip that is there is a whole one. */
function makeWhole(
  path: string,
  geometry: Geometry,
  rom: Uint8Array,
  options: ChipOptions,
  fill: (medium: RamMedium) => void,
): boolean {
  if (existsSync(path)) return false
  onFile(path, () => mkdirSync(dirname(path), { recursive: true }))
  const medium = new RamMedium(geometry, rom)
  fill(medium)
  createChip(path, { geometry, pages: medium.snapshot().pages }, options)
  return true
}
