import { equal } from '@sealwright/core/bytes'
import { DecodeError, StateError } from '@sealwright/core/errors'
import { type LoadFile, loadFileStates, parseLoadP1 } from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { compileProgram, ProgramRefused } from '../program/index.ts'
import { installedInterfaces } from '../programs/index.ts'
import type { PendingLoad } from '../registry/index.ts'
import { moduleOf, recordContent, requireFreeAid } from '../security-domain/index.ts'

type Needs = Pick<
  Parts,
  'crypto' | 'definitions' | 'events' | 'nvm' | 'objects' | 'pendingContent' | 'registry' | 'serial'
>

/**
 * LOAD (GlobalPlatform 2.3.1, 11.6): one block of a load file, which is a WebAssembly program. Blocks are kept in volatile memory until the last one
 * has come and everything was checked: a cut leaves the memory as it was. Answers 00.
 */
export function load(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  const { pendingContent } = parts
  const pending = pendingContent.load
  if (pending === undefined) throw new Refusal('conditions-not-satisfied')
  try {
    const file = pending.collector.add({ last: isLast(p1), number: p2, data })
    if (file === undefined) return Uint8Array.of(0)
    store(parts, pending, file)
    pendingContent.forget()
    return Uint8Array.of(0)
  } catch (error) {
    // What was begun is gone with the first refusal.
    pendingContent.forget()
    if (error instanceof StateError) throw new Refusal('conditions-not-satisfied')
    throw error
  }
}

function isLast(p1: number): boolean {
  try {
    return parseLoadP1(p1).last
  } catch (error) {
    if (error instanceof DecodeError) throw new Refusal('wrong-parameters')
    throw error
  }
}

function store(parts: Needs, { aid, domain, hash }: PendingLoad, file: LoadFile): void {
  const { crypto, nvm, objects, registry } = parts
  // Signatures and encryption of load files need keys that this card does not have.
  if (file.ciphered || file.dapBlocks.length > 0) throw new Refusal('function-not-supported')
  const program = file.dataBlock
  if (hash.length > 0 && !equal(crypto.sha256(program), hash)) throw new Refusal('wrong-data')
  requireProgram(program)
  // What came between INSTALL and the last block may have taken the name or the domain away.
  const module = moduleOf(aid)
  requireFreeAid(parts, aid)
  requireFreeAid(parts, module)
  if (registry.find(domain)?.form !== 'domain') throw new Refusal('conditions-not-satisfied')
  nvm.transaction((tx) => {
    const number = registry.freeNumber()
    registry.put(tx, {
      ...{ number, form: 'load-file', aid, state: loadFileStates.loaded.code, privileges: new Uint8Array(3) },
      ...{ domain, loadFile: new Uint8Array(0), module },
    })
    objects.put(tx, 'load-file', number, program)
    recordContent(parts, tx, aid, loadFileStates.loaded.code)
  })
}

/** A program with `process`, for the interfaces that every installed application has. */
function requireProgram(program: Uint8Array): void {
  try {
    const { functions, interfaces } = compileProgram(program)
    const granted: readonly string[] = installedInterfaces
    if (functions.get('process') !== 'entry' || !interfaces.every((name) => granted.includes(name))) {
      throw new Refusal('wrong-data')
    }
  } catch (error) {
    if (error instanceof ProgramRefused) throw new Refusal('wrong-data')
    throw error
  }
}
