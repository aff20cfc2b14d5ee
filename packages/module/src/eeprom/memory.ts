import type { Medium } from '../medium/index.ts'
import type { Otp } from '../otp/index.ts'
import { type Rom, readRom } from '../rom/index.ts'
import { type Nvm, openNvm } from './nvm.ts'
import { Objects } from './objects.ts'

export interface Memory {
  readonly nvm: Nvm
  readonly objects: Objects
  readonly otp: Otp
  readonly rom: Rom
}

/** Opens all of a chip's non-volatile memory, as boot does. */
export function openMemory(medium: Medium): Memory {
  const nvm = openNvm(medium)
  return { nvm, objects: new Objects(nvm), otp: nvm.otp, rom: readRom(medium) }
}
