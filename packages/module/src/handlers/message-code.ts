import { equal } from '@sealwright/core/bytes'
import {
  incomingInput,
  messageModes,
  outgoingInput,
  parseCheckRequest,
  parseProtectRequest,
  serializeProtectAnswer,
} from '@sealwright/core/limited-keys'
import { Refusal } from '../dispatch/refusal.ts'
import { countUse, takeMessage } from '../limited-keys/index.ts'
import type { Call, Parts } from '../parts.ts'

type Needs = Pick<Parts, 'nvm' | 'objects' | 'keys' | 'serial'>

/** MESSAGE CODE: protects a message of the cash machine, or checks one of the central system, under a limited key. Each is one use. */
export function messageCode(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  const serial = parts.serial()
  if (p2 !== 0 || serial === undefined) throw new Refusal('wrong-parameters')
  if (p1 === messageModes.protect) return protect(parts, serial, data)
  if (p1 === messageModes.check) return check(parts, serial, data)
  throw new Refusal('wrong-parameters')
}

function protect(parts: Needs, serial: Uint8Array, data: Uint8Array): Uint8Array {
  const { place, message } = parseProtectRequest(data)
  const { key, number } = countUse(parts, place, true)
  try {
    return serializeProtectAnswer({ number, mac: key.cmac(...outgoingInput(serial, number, message)) })
  } finally {
    key[Symbol.dispose]()
  }
}

function check(parts: Needs, serial: Uint8Array, data: Uint8Array): Uint8Array {
  const request = parseCheckRequest(data)
  const { key, limited } = countUse(parts, request.place, false)
  try {
    if (!equal(key.cmac(...incomingInput(serial, request)), request.mac)) throw new Refusal('check-failed')
  } finally {
    key[Symbol.dispose]()
  }
  takeMessage(parts, request.place, limited, request)
  return new Uint8Array(0)
}
