import { wipe } from '@sealwright/core/bytes'
import { kcvCmac, withHandle } from '@sealwright/core/crypto'
import {
  customizationObjects,
  parseAesKeyObject,
  parseWriteRecords,
  serializeWriteRecords,
  type WriteRecord,
} from '@sealwright/core/customization'
import { InternalError } from '@sealwright/core/errors'
import type { Crypto } from '@sealwright/core/ports'
import { Refusal } from '../dispatch/refusal.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'
import { customizationWrites, requireSoftware } from '../programs/index.ts'
import { appendDraft, dropDrafts, enforceDraft, isDraftKind, putDraft } from './drafts.ts'
import { requirePermitted } from './permitted.ts'

type Needs = Pick<Parts, 'compile' | 'crypto' | 'events' | 'keys' | 'nvm' | 'objects' | 'rom' | 'serial'>

/**
 * Carries out the records of one command, all or none, and returns their number. Software and product data are written as drafts, which
 * nothing runs or reads; `verify` puts a draft in force. A command that puts anything in force is checked as FINISH checks, drops the drafts
 * that it left, and is an event.
 */
export function writeLater(parts: Needs, data: Uint8Array): number {
  const { crypto, events, nvm } = parts
  const records = parseWriteRecords(data)
  const serial = parts.serial()
  if (serial === undefined) throw new InternalError('user mode without serial number')
  if (records.length === 0) throw new Refusal('wrong-data')
  try {
    nvm.transaction((tx) => {
      let inForce = false
      for (const record of records) {
        requirePermitted(parts, record)
        inForce = carryOut(parts, tx, record) || inForce
      }
      if (!inForce) return
      dropDrafts(parts, tx)
      requireSoftware(parts)
      events.record(tx, 'customized-later', serial, crypto.sha256(told(crypto, records)))
    })
    return records.length
  } finally {
    for (const record of records) if (record.kind === 'put' && record.object === 'key') wipe(record.bytes)
  }
}

/** The records as their event names them: of a key, which nobody may try guesses against, the check value. */
function told(crypto: Crypto, records: readonly WriteRecord[]): Uint8Array {
  return serializeWriteRecords(
    records.map((record) => {
      if (record.kind !== 'put' || record.object !== 'key') return record
      const key = parseAesKeyObject(record.bytes)
      const bytes = withHandle(crypto.aes(key), kcvCmac)
      wipe(key)
      return { ...record, bytes }
    }),
  )
}

/** Whether the record put something in force. */
function carryOut(parts: Needs, tx: Transaction, record: WriteRecord): boolean {
  const writes = customizationWrites(parts, { tx })
  switch (record.kind) {
    case 'put':
      if (!isDraftKind(record.object)) {
        writes.put(customizationObjects[record.object], record.id, record.bytes)
        return true
      }
      putDraft(parts, tx, record.object, record.id, record.bytes)
      return false
    case 'append':
      if (!isDraftKind(record.object)) throw new Refusal('wrong-data')
      appendDraft(parts, tx, record.object, record.id, record.bytes)
      return false
    case 'verify':
      if (!isDraftKind(record.object)) throw new Refusal('wrong-data')
      enforceDraft(parts, tx, record.object, record.id, record.digest)
      return true
    case 'vectors':
      for (const { ins, program, function: number } of record.vectors) writes.vector(ins, program, number)
      return true
    case 'activate':
      writes.activate(record.entry)
      return true
    default:
      return record satisfies never
  }
}
