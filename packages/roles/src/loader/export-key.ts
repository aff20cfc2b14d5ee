import { encodeHex } from '@sealwright/core/bytes'
import { PeerError, RefusedError, StateError } from '@sealwright/core/errors'
import {
  type Generation,
  generations,
  type KeyMessageFile,
  type KeyRequest,
  parseKeyMessage,
  parseKeyMessageFile,
  parseKeyRequestFile,
  serializeKeyMessageFile,
  serializeKeyRequest,
} from '@sealwright/core/key-download'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { endChannel, plain } from '../channel/index.ts'
import { documentHead, inDocumentChannel, moduleStep, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'

export interface ExportInput {
  /** The request file from the module's place. */
  readonly request: Uint8Array
  /** `previous` for a module that still holds the set's old transport key. */
  readonly generation?: Generation
}

export interface Exported extends KeyMessageFile {
  /** The message file for the module's place. */
  readonly file: Uint8Array
  readonly entries: readonly LogEntry[]
}

/**
 * Has the loader card encrypt the key that the request names for the module that made it. The card need never have heard of that module.
 * Done again it gives another message under another XCTR, which costs one of the key's exports and does no harm.
 */
export async function exportKey(
  ports: PartyPorts,
  transport: Transport,
  { request: requestFile, generation = 'present' }: ExportInput,
): Promise<Exported> {
  const request = parseKeyRequestFile(requestFile)
  const data = serializeKeyRequest(request)
  await endChannel(transport)
  const channel = plain(transport)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'loader key export',
    types: ['key-exported'],
    details: { module: request.serial, key: request.source },
    proven: () => documentHead(ports, transport),
    async run() {
      const { serial } = await readHead(channel)
      const answer = await inDocumentChannel(ports, transport, serial, (loader) =>
        loader.send('EXPORT KEY', { p1: generations[generation], data }).catch((error) => {
          throw explained(error, request)
        }),
      )
      const file = serializeKeyMessageFile({ request, message: parseKeyMessage(answer) })
      const message = answering(file)
      const name = `exports/${encodeHex(serial).toLowerCase()}-${String(message.message.header.counter).padStart(8, '0')}`
      await ports.store.write(name, file)
      return { ...message, file }
    },
  })
  return { ...result, entries }
}

/** Why the card gives no key, in terms of its entries. */
function explained(error: unknown, { serial, source }: KeyRequest): unknown {
  if (!(error instanceof RefusedError)) return error
  const key = source.toString(16).toUpperCase().padStart(8, '0')
  if (error.code === 'module-reference-not-found') {
    const message = `the loader has no key ${key}, or its set has no keys of that generation`
    return new StateError(message, { code: 'loader-key-missing', cause: error })
  }
  if (error.code === 'module-conditions-not-satisfied') {
    const message = `the entry of the key ${key} does not let the module ${encodeHex(serial)} have it`
    return new StateError(message, { code: 'loader-key-withheld', cause: error })
  }
  return error
}

/** What the card answered must answer this request. */
function answering(file: Uint8Array): KeyMessageFile {
  try {
    return parseKeyMessageFile(file)
  } catch (cause) {
    throw new PeerError('the loader answered another request', { cause })
  }
}
