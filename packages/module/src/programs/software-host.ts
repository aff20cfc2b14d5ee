import type { Command, Response } from '@sealwright/core/apdu'
import type { InterfaceName } from '@sealwright/core/catalog'
import { dataAreaOf, parseSoftware, programNumbers, romInterfaces } from '@sealwright/core/customization'
import type { KeyUse } from '@sealwright/core/key-download'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import { applicationKey } from '../key-download/index.ts'
import type { Parts } from '../parts.ts'
import { defaultBudget, type ProgramHost } from '../program/index.ts'
import { callInTransaction, dataHostOf } from './call-in-transaction.ts'
import type { ProgramCache } from './program-cache.ts'

type HostParts = Pick<Parts, 'entropy' | 'keys' | 'life' | 'nvm' | 'objects' | 'rom'>

/**
 * Runs a function of a program that a vector names: ROM's wasm, completed by the additional software if there is any, or software in
 * EEPROM. Only in user mode.
 */
export function runSoftware(
  parts: HostParts,
  cache: ProgramCache,
  program: number,
  number: number,
  command: Command,
): Response {
  if (command.cla !== 0x80) throw new Refusal('class-not-supported')
  if (parts.life.mode() !== 'user') throw new Refusal('conditions-not-satisfied')
  const stored = parts.objects.read(
    'software',
    program === programNumbers.rom ? programNumbers.added : program,
  )
  const software = stored === undefined ? undefined : parseSoftware(stored)
  const grants = new Set<InterfaceName>(software?.interfaces)
  const call = {
    writer: `program ${program}`,
    grants,
    function: number,
    budget: software?.budget ?? defaultBudget,
    command,
    host: (tx: Transaction) => hostOf(parts, tx, program, software?.keyPlaces ?? []),
  }
  if (program === programNumbers.rom) {
    const masked = parts.rom.programs.find(({ id }) => id === program)
    if (masked === undefined) throw new Refusal('instruction-not-supported')
    for (const name of romInterfaces) grants.add(name)
    const added = software === undefined ? undefined : cache.compiled(software.program)
    return callInTransaction(parts.nvm, { ...call, program: cache.compiled(masked.code), added })
  }
  if (software === undefined) throw new Refusal('instruction-not-supported')
  return callInTransaction(parts.nvm, { ...call, program: cache.compiled(software.program) })
}

function hostOf(
  parts: HostParts,
  tx: Transaction,
  program: number,
  keyPlaces: readonly number[],
): Omit<ProgramHost, 'io'> {
  const { entropy } = parts
  const key = (place: number, use: KeyUse) => {
    if (!keyPlaces.includes(place)) throw new Refusal('reference-not-found')
    return applicationKey(parts, place, use)
  }
  return {
    data: dataHostOf(parts, tx, dataAreaOf(program)),
    random: entropy,
    mac: { cmac: (place, data, use) => key(place, use).cmac(data) },
    cipher: {
      encrypt: (place, iv, data) => key(place, 'encrypt').cbcEncrypt(iv, data),
      decrypt: (place, iv, data) => key(place, 'decrypt').cbcDecrypt(iv, data),
    },
  }
}
