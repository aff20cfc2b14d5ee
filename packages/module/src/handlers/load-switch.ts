import { equal, Reader } from '@sealwright/core/bytes'
import { keyPlaces, receiptIds } from '@sealwright/core/catalog'
import { interfacesOf, loadReceiptInput, serializeLoadReceipt } from '@sealwright/core/resources'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { compileProgram, ProgramRefused } from '../program/index.ts'
import { blocksOf, type Definition, forgetPackageKey, replacedSpans } from '../resources/index.ts'

type Needs = Pick<
  Parts,
  'crypto' | 'nvm' | 'objects' | 'keys' | 'events' | 'ram' | 'definitions' | 'programs' | 'serial'
>

/**
 * LOAD SWITCH: once every block is there and the program passes the checker, puts it in the place of the old one, in one transaction with
 * the event and the receipt. What it replaces is erased. Asked again with the manifest that runs, it gives the stored receipt.
 */
export function loadSwitch(parts: Needs, { data, channel }: Pick<Call, 'data' | 'channel'>): Uint8Array {
  const { nvm, objects, keys, events, ram, definitions, programs } = parts
  const r = new Reader(data, 'LOAD SWITCH')
  const digest = r.take(32, 'manifest')
  r.end()
  const definition = definitions.find(channel?.resource ?? 0)
  if (definition?.state !== 'active') throw new Refusal('conditions-not-satisfied')
  const { id, loaded, pending } = definition
  const kept = receiptIds.load + id
  if (loaded !== undefined && equal(loaded.manifest, digest)) {
    const receipt = objects.read('receipt', kept)
    if (receipt !== undefined) return receipt
  }
  const serial = parts.serial()
  if (serial === undefined || pending === undefined) throw new Refusal('conditions-not-satisfied')
  if (!equal(pending.manifest, digest)) throw new Refusal('reference-not-found')
  if (!blocksOf(pending).every((there) => there)) throw new Refusal('conditions-not-satisfied')
  checkProgram(definition, nvm.read(pending.program.start, pending.program.length))
  const { version, manifest, program, data: area } = pending
  const receipt = nvm.transaction((tx) => {
    for (const { start, length } of replacedSpans(definition)) tx.erase(start, length)
    definitions.put(tx, {
      ...definition,
      loaded: { version, manifest, program, data: area },
      pending: undefined,
    })
    const event = events.record(tx, 'program-loaded', serial, digest)
    const outcome = { resource: id, version, number: event.number, chain: event.chain }
    const signature = keys.sign(keyPlaces.operating, ...loadReceiptInput(serial, digest, outcome))
    const bytes = serializeLoadReceipt({ ...outcome, signature })
    objects.put(tx, 'receipt', kept, bytes)
    return bytes
  })
  forgetPackageKey(ram)
  programs.leave()
  return receipt
}

/** A program of the module's kind, that answers commands and imports nothing but what DEF grants. */
function checkProgram({ rights }: Definition, bytes: Uint8Array): void {
  const granted = interfacesOf(rights) ?? []
  try {
    const program = compileProgram(bytes)
    if (program.interfaces.some((name) => !granted.includes(name)))
      throw new Refusal('security-not-satisfied')
    if (program.wanted.length > 0 || program.functions.get('process') !== 'entry')
      throw new Refusal('wrong-data')
  } catch (error) {
    if (error instanceof ProgramRefused) throw new Refusal('wrong-data')
    throw error
  }
}
