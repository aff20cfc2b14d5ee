import { readFileSync } from 'node:fs'
import { portableCrypto } from '@sealwright/core/crypto'
import type { MaskFile } from '@sealwright/core/customization'
import { UsageError } from '@sealwright/core/errors'
import type { Crypto, Entropy, Transport } from '@sealwright/core/ports'
import { fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import { Module } from '@sealwright/module'
import { openMemory } from '@sealwright/module/eeprom'
import { maskGeometry, programMask } from '@sealwright/module/mask'
import { type Medium, RamMedium } from '@sealwright/module/medium'
import type { MaskInput } from '@sealwright/roles/issuer'
import { type ChipFactory, memoryPorts, type PartyName, type PartyPorts } from '@sealwright/roles/ports'
import { maskLayout } from '../src/chips/index.ts'

/** The committed programs by name. */
export const programs = Object.fromEntries(
  ['rom', 'customization', 'added', 'loyalty', 'bank'].map((name) => [
    name,
    new Uint8Array(readFileSync(new URL(`../../../programs/${name}/${name}.wasm`, import.meta.url))),
  ]),
) as Record<'rom' | 'customization' | 'added' | 'loyalty' | 'bank', Uint8Array>

export const eepromSize = 64 * 1024

/** A factory whose chips live as long as the test. */
export function ramFactory(crypto: Crypto): ChipFactory & { readonly chips: Map<string, RamMedium> } {
  const chips = new Map<string, RamMedium>()
  const made = (file: MaskFile): RamMedium => {
    const medium = new RamMedium(maskGeometry(file), file.rom)
    programMask(medium, file)
    return medium
  }
  return {
    chips,
    digests(file) {
      const image = openMemory(made(file)).objects.read('encrypted-image', 0)
      if (image === undefined) throw new UsageError('no image')
      return { romDigest: crypto.sha256(file.rom), imageDigest: crypto.sha256(image) }
    },
    async make(name, file) {
      if (chips.has(name)) return false
      chips.set(name, made(file))
      return true
    },
  }
}

/** Module and transport on a medium; each call is a power-up. Defects behind a 6F00 fail the test. */
export function powered(
  medium: Medium,
  crypto: Crypto = portableCrypto,
  entropy: Entropy = scriptedEntropy('module'),
): { module: Module; transport: Transport } {
  const module = new Module({
    medium,
    crypto,
    entropy,
    report: (error) => {
      throw error
    },
  })
  const transport: Transport = {
    transmit: async (bytes) => module.transmit(bytes),
    close: async () => module.reset(),
  }
  return { module, transport }
}

export const clock = fixedClock(1_800_000_000)

export function party(name: PartyName, crypto: Crypto = portableCrypto): Promise<PartyPorts> {
  return memoryPorts(name, { clock, entropy: scriptedEntropy(`party ${name}`), crypto })
}

/** A mask of the committed programs. */
export function maskInput(change: Partial<MaskInput> = {}): MaskInput {
  return {
    name: 'fleet',
    layout: maskLayout,
    program: programs.rom,
    customization: programs.customization,
    eepromSize,
    ...change,
  }
}

export { mask } from '@sealwright/roles/issuer'
