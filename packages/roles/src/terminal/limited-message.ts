import {
  type CheckRequest,
  messageModes,
  type ProtectAnswer,
  type ProtectRequest,
  parseProtectAnswer,
  serializeCheckRequest,
  serializeProtectRequest,
} from '@sealwright/core/limited-keys'
import type { Transport } from '@sealwright/core/ports'
import { plain } from '../channel/index.ts'

/** Has the module protect a message for its central system under a limited key. */
export async function protectMessage(transport: Transport, request: ProtectRequest): Promise<ProtectAnswer> {
  const data = serializeProtectRequest(request)
  return parseProtectAnswer(await plain(transport).send('MESSAGE CODE', { p1: messageModes.protect, data }))
}

/** Has the module check a message of its central system; a RefusedError when it is not to be believed. */
export async function checkMessage(transport: Transport, request: CheckRequest): Promise<void> {
  const data = serializeCheckRequest(request)
  await plain(transport).send('MESSAGE CODE', { p1: messageModes.check, data })
}
