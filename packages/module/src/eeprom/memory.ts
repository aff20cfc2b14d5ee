import { StateError } from '@sealwright/core/errors'
import type { Medium } from '../medium/index.ts'
import type { Otp } from '../otp/index.ts'
import { type Rom, readRom } from '../rom/index.ts'
import { asDamage } from './damage.ts'
import { type Nvm, openNvm } from './nvm.ts'
import { Objects } from './objects.ts'

export interface Memory {
  readonly nvm: Nvm
  readonly objects: Objects
  readonly otp: Otp
  readonly rom: Rom
}

/**
 * Opens all of a chip's non-volatile memory, as power-up does, and tests it on the way: every page can be read; control page, one-time
 * bits, ROM and directory are what they must be.
 */
export function openMemory(medium: Medium): Memory {
  const nvm = asDamage(() => openNvm(medium))
  const rom = asDamage(() => readRom(medium))
  settleTestBit(nvm, rom)
  const objects = new Objects(nvm)
  objects.entries()
  return { nvm, objects, otp: nvm.otp, rom }
}

/**
 * The first start of a chip with the ROM of test modules sets the test bit (X9); there is no other way to set it. A bit that the ROM does
 * not ask for, or one that is still missing after issuer mode, means that somebody interfered.
 */
function settleTestBit(nvm: Nvm, { test }: Rom): void {
  const { otp } = nvm
  if (otp.test('test') === test) return
  if (!test || otp.test('mode-customization')) {
    throw new StateError('one-time memory: the test bit is not what the ROM says', { code: 'memory-damaged' })
  }
  nvm.transaction((tx) => tx.setOtp('test'))
}
