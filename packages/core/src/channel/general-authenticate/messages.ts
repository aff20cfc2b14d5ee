import { DecodeError, UsageError } from '../../errors/index.ts'
import { parseTlvs, serializeTlv, serializeTlvs, type Tlv, tlv } from '../../tlv/index.ts'

/**
 * Data of GENERAL AUTHENTICATE and of its answers: one dynamic authentication template, 7C (ISO/IEC 7816-4, 11.5.6), with
 * 81 suite, 82 response (a signature), 83 committed challenge, 84 authentication code, 85 exponential, A0 identification.
 */

/** First message: the suite, and the host's exponential or its commitment to it. */
export interface Opening {
  readonly suite: number
  readonly key:
    | { readonly kind: 'exponential'; readonly point: Uint8Array }
    | { readonly kind: 'commitment'; readonly commitment: Uint8Array }
}

/** The module's exponential, 65 bytes, and its authentication code, 16 bytes, over what was exchanged. */
export interface KeyAnswer {
  readonly point: Uint8Array
  readonly code: Uint8Array
}

/** A signature of 64 bytes, and who signed where the other side does not know. */
export interface Proof {
  readonly signature: Uint8Array
  /** An A0 object as it stands there (identification.ts). */
  readonly identification?: Uint8Array
}

export function parseOpening(bytes: Uint8Array): Opening {
  const what = 'first message of GENERAL AUTHENTICATE'
  const [suite, key] = fieldsOf(bytes, what, 2)
  const number = fieldValue(suite, tags.suite, 1, what)[0]!
  if (key?.tag === tags.commitment) {
    const commitment = fieldValue(key, tags.commitment, 32, what)
    return { suite: number, key: { kind: 'commitment', commitment } }
  }
  return {
    suite: number,
    key: { kind: 'exponential', point: fieldValue(key, tags.exponential, 65, what) },
  }
}

export function serializeOpening({ suite, key }: Opening): Uint8Array {
  const second =
    key.kind === 'commitment' ? tlv(tags.commitment, key.commitment) : tlv(tags.exponential, key.point)
  return template(tlv(tags.suite, Uint8Array.of(suite)), second)
}

/** Whether a message begins a set-up anew, whatever is pending. */
export function isOpening(bytes: Uint8Array): boolean {
  return bytes[0] === tags.template && bytes[2] === tags.suite
}

export function parseKeyAnswer(bytes: Uint8Array): KeyAnswer {
  const what = 'answer of GENERAL AUTHENTICATE'
  const [point, code] = fieldsOf(bytes, what, 2)
  return {
    point: fieldValue(point, tags.exponential, 65, what),
    code: fieldValue(code, tags.code, 16, what),
  }
}

export function serializeKeyAnswer({ point, code }: KeyAnswer): Uint8Array {
  return template(tlv(tags.exponential, point), tlv(tags.code, code))
}

/** The module's commitment, 32 bytes. */
export function parseCommitment(bytes: Uint8Array): Uint8Array {
  const what = 'commitment of GENERAL AUTHENTICATE'
  return fieldValue(fieldsOf(bytes, what, 1)[0], tags.commitment, 32, what)
}

export function serializeCommitment(commitment: Uint8Array): Uint8Array {
  return template(tlv(tags.commitment, commitment))
}

/** The exponential that was committed to, 65 bytes. */
export function parseExponential(bytes: Uint8Array): Uint8Array {
  const what = 'exponential of GENERAL AUTHENTICATE'
  return fieldValue(fieldsOf(bytes, what, 1)[0], tags.exponential, 65, what)
}

export function serializeExponential(point: Uint8Array): Uint8Array {
  return template(tlv(tags.exponential, point))
}

/** The exponential's object alone, as the module's authentication code covers it. */
export function exponentialObject(point: Uint8Array): Uint8Array {
  return serializeTlv(tlv(tags.exponential, point))
}

export function parseProof(bytes: Uint8Array): Proof {
  const what = 'proof of GENERAL AUTHENTICATE'
  const fields = fieldsOf(bytes, what, 1, 2)
  const signature = fieldValue(fields[0], tags.response, 64, what)
  const second = fields[1]
  if (second === undefined) return { signature }
  if (second.tag !== tags.identification) throw new DecodeError(`${what}: expected A0 behind the signature`)
  return { signature, identification: serializeTlv(second) }
}

export function serializeProof({ signature, identification }: Proof): Uint8Array {
  const objects = identification === undefined ? [] : parseTlvs(identification, 'identification')
  if (identification !== undefined && (objects.length !== 1 || objects[0]!.tag !== tags.identification)) {
    throw new UsageError('an identification is one A0 object')
  }
  return template(tlv(tags.response, signature), ...objects)
}

function template(...fields: Tlv[]): Uint8Array {
  return serializeTlv(tlv(tags.template, serializeTlvs(fields)))
}

function fieldsOf(bytes: Uint8Array, what: string, least: number, most = least): Tlv[] {
  const [outer, ...others] = parseTlvs(bytes, what)
  if (outer?.tag !== tags.template || others.length > 0) throw new DecodeError(`${what}: expected 7C`)
  const fields = parseTlvs(outer.value, what)
  if (fields.length < least || fields.length > most) {
    throw new DecodeError(`${what}: expected ${least} objects, got ${fields.length}`)
  }
  return fields
}

function fieldValue(field: Tlv | undefined, tag: number, length: number, what: string): Uint8Array {
  if (field?.tag !== tag || field.value.length !== length) {
    throw new DecodeError(`${what}: expected tag ${tag.toString(16).toUpperCase()} with ${length} bytes`)
  }
  return field.value
}

const tags = {
  template: 0x7c,
  suite: 0x81,
  response: 0x82,
  commitment: 0x83,
  code: 0x84,
  exponential: 0x85,
  identification: 0xa0,
} as const
