import { encodeHex, equal, u32 } from '@sealwright/core/bytes'
import { certificateIds } from '@sealwright/core/catalog'
import { RefusedError, StateError, UsageError } from '@sealwright/core/errors'
import {
  type KeyMessage,
  type KeyReceipt,
  type KeyRequest,
  parseKeyMessageFile,
  parseKeyReceipt,
  parseKeyRecord,
  parseKeyRequest,
  prepareHolds,
  prepareModes,
  serializeKeyMessage,
  serializeKeyReceiptFile,
  serializeKeyRequestFile,
} from '@sealwright/core/key-download'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { parseCertificate } from '@sealwright/core/x509'
import { type Channel, plain } from '../channel/index.ts'
import { moduleStep, type ProvenHead, provenHead, readData, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'

export interface PrepareInput {
  /** REF2: the key place. */
  readonly place: number
  /** Only where there is a key already. */
  readonly replace?: boolean
  /** R is held in EEPROM, so that the download goes on after the module was switched off. */
  readonly held?: boolean
}

/** Asks the module for a key: the request file for the loader. Any request before it is void from then on. */
export async function prepareKey(
  transport: Transport,
  { place, replace = false, held = false }: PrepareInput,
): Promise<{ readonly request: KeyRequest; readonly file: Uint8Array }> {
  const asked = plain(transport).send('PREPARE', {
    p1: replace ? prepareModes.replace : prepareModes.any,
    p2: held ? prepareHolds.held : prepareHolds.volatile,
    data: u32(place),
  })
  const answer = await asked.catch((error) => {
    if (!(error instanceof RefusedError) || error.code !== 'module-reference-not-found') throw error
    const what = replace ? 'no key to be replaced' : 'no key place for applications'
    const message = `the module has ${what} at ${place.toString(16).toUpperCase().padStart(8, '0')}`
    throw new UsageError(message, { code: 'key-place-missing', cause: error })
  })
  const request = parseKeyRequest(answer)
  return { request, file: serializeKeyRequestFile(request) }
}

export interface Imported {
  readonly request: KeyRequest
  readonly receipt: KeyReceipt
  /** The receipt file for the loader. */
  readonly file: Uint8Array
  /** The module had taken the message before; the receipt was fetched again. */
  readonly already: boolean
  readonly entries: readonly LogEntry[]
}

/**
 * Brings a message file to the module and returns its receipt. When the answer was lost, run it again: a module that has taken the
 * message takes it no second time, and is asked for the receipt.
 */
export async function importKey(
  ports: PartyPorts,
  transport: Transport,
  messageFile: Uint8Array,
): Promise<Imported> {
  const { request, message } = parseKeyMessageFile(messageFile)
  const channel = plain(transport)
  await requireModule(channel, request.serial)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'module import-key',
    types: ['key-imported'],
    details: { key: request.source, place: request.destination },
    proven: () => shownHead(ports, channel, request.serial),
    settle: () => taken(channel, message),
    async run() {
      try {
        const answer = await channel.send('IMPORT KEY', {
          p1: message.header.suite & 0xff,
          data: serializeKeyMessage(message),
        })
        return { receipt: parseKeyReceipt(answer), already: false }
      } catch (error) {
        const before = error instanceof RefusedError ? await taken(channel, message) : undefined
        if (before !== undefined) return before
        if (!(error instanceof RefusedError) || error.code !== 'module-conditions-not-satisfied') throw error
        throw new StateError('the module awaits no key: the request was used, replaced or lost', {
          code: 'key-request-void',
          cause: error,
        })
      }
    },
  })
  const { receipt, already } = result
  const { checkValue, acknowledgement } = receipt
  const claim = { request, counter: message.header.counter, checkValue, acknowledgement }
  return { request, receipt, already, file: serializeKeyReceiptFile(claim), entries }
}

/**
 * The module's head, signed with the key of the operating certificate that it shows. The terminal has no root to check that certificate
 * with: it trusts the module that it sits with, and no line in between.
 */
async function shownHead(
  { crypto, entropy }: PartyPorts,
  channel: Channel,
  serial: Uint8Array,
): Promise<ProvenHead> {
  const shown = await readData(channel, certificateIds.operating.tag)
  if (shown === undefined) throw new StateError('the module shows no operating certificate')
  const { publicPoint: point } = parseCertificate(shown)
  return provenHead(channel, entropy.bytes(16), { crypto, serial, point })
}

/** The receipt of this message, when the module has taken it. */
async function taken(
  channel: Channel,
  { header }: KeyMessage,
): Promise<{ receipt: KeyReceipt; already: boolean } | undefined> {
  try {
    const record = parseKeyRecord(await channel.send('GET RECEIPT', { data: u32(header.destination) }))
    // Every message of a loader has an XCTR of its own; that it is this loader's message VERIFY RECEIPT will show.
    if (record.counter !== header.counter) return undefined
    const { checkValue, acknowledgement } = record
    return { receipt: { checkValue, acknowledgement }, already: true }
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'module-reference-not-found') return undefined
    throw error
  }
}

async function requireModule(channel: Channel, serial: Uint8Array): Promise<void> {
  const head = await readHead(channel)
  if (equal(head.serial, serial)) return
  throw new StateError('the message is for another module', {
    code: 'wrong-module',
    details: { message: encodeHex(serial), connected: encodeHex(head.serial) },
  })
}
