import assert from 'node:assert/strict'
import { productDataIds, programInstructions } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import {
  type ChipStatus,
  type ImageForm,
  parseChipStatus,
  type WriteRecord,
} from '@sealwright/core/customization'
import type { Transport } from '@sealwright/core/ports'
import type { Module } from '../src/index.ts'
import type { RamMedium } from '../src/medium/index.ts'
import {
  customizationChannel,
  type MaskedChip,
  maskedChip,
  powerUp,
  speak,
  transportTo,
} from '../src/testing/index.ts'
import { activated, serial } from './product.ts'
import { committed } from './programs.ts'

/** Chips whose customization software stays in EEPROM, and in RAM only; and the least that makes a product of them. */

export const chips: Record<ImageForm, MaskedChip> = {
  eeprom: maskedChip({ crypto, program: committed('rom'), customization: committed('customization') }),
  ram: maskedChip({
    crypto,
    program: committed('rom'),
    customization: committed('customization'),
    form: 'ram',
  }),
}
export const line = programInstructions['CHECK LINE'].ins
export const records: WriteRecord[] = [
  { kind: 'put', object: 'product-data', id: productDataIds.flags, bytes: Uint8Array.of(1) },
  { kind: 'vectors', vectors: [{ ins: line, program: 1, function: 2 }] },
  ...activated('CHIP STATUS', 'SELF TEST', 'FINISH'),
]

export async function mounted(form: ImageForm): Promise<RamMedium> {
  const medium = chips[form].chip()
  assert.equal((await speak(transportTo(powerUp(crypto, medium)), 'WRITE SERIAL', serial)).sw, 0x9000)
  return medium
}

export function channelOf(module: Module, form: ImageForm): Promise<Transport> {
  return customizationChannel(crypto, module, chips[form].unlocking.key, serial)
}

export async function status(module: Module): Promise<ChipStatus> {
  return parseChipStatus((await speak(transportTo(module), 'CHIP STATUS')).data)
}
