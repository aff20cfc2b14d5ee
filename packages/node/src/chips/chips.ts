import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import { openMemory } from '@sealwright/module/eeprom'
import { layOutMask, maskGeometry, programMask } from '@sealwright/module/mask'
import { RamMedium } from '@sealwright/module/medium'
import { compileProgram } from '@sealwright/module/program'
import type { ChipFactory, MaskLayout } from '@sealwright/roles/ports'
import { nodeCrypto } from '../crypto/index.ts'
import { onFile } from '../files/index.ts'
import { FileMedium } from '../medium/index.ts'

/** Lays masks out for the chips of this project. */
export const maskLayout: MaskLayout = {
  layOut: layOutMask,
  check(customization) {
    const { functions, interfaces } = compileProgram(customization)
    if (functions.get('process') !== 'entry')
      throw new UsageError('customization software must export `process`')
    if (interfaces.some((name) => name !== 'io' && name !== 'chip')) {
      throw new UsageError('customization software may import the interfaces io and chip only')
    }
  },
}

/** Makes chips as chip files; their names are paths below `folder`, or absolute. */
export function chipFactory(folder: string, crypto: Crypto = nodeCrypto): ChipFactory {
  return {
    digests(mask) {
      const medium = new RamMedium(maskGeometry(mask), mask.rom)
      programMask(medium, mask)
      const image = openMemory(medium).objects.read('encrypted-image', 0)
      if (image === undefined) throw new DecodeError('mask file: there is no encrypted image in it')
      return { romDigest: crypto.sha256(mask.rom), imageDigest: crypto.sha256(image) }
    },
    async make(name, mask) {
      const path = resolve(folder, name)
      if (existsSync(path)) return false
      // Made beside its place and linked when it is complete: a chip that is there is a whole one.
      const draftFolder = onFile(path, () => {
        mkdirSync(dirname(path), { recursive: true })
        return mkdtempSync(join(dirname(path), '.draft-'))
      })
      try {
        const draft = join(draftFolder, 'chip')
        const medium = FileMedium.create(draft, maskGeometry(mask), mask.rom)
        try {
          programMask(medium, mask)
        } finally {
          medium.close()
        }
        onFile(path, () => linkSync(draft, path))
      } finally {
        rmSync(draftFolder, { recursive: true, force: true })
      }
      return true
    },
  }
}
