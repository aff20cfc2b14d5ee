import { encodeHex, equal } from '../bytes/index.ts'
import { type ApprovableAction, approvableActions, type ObjectField, objectFields } from '../catalog/index.ts'
import { type CborInput, encodeCanonical, type MapReader } from '../cbor/index.ts'
import { UsageError } from '../errors/index.ts'

/** The object of an action: serial numbers 8 bytes, customer 16, central 32 bytes, set a number of 1 to 255. */
export type ObjectOf<A extends ApprovableAction> = {
  readonly [F in (typeof approvableActions)[A]['object'][number]]: F extends 'set' ? number : Uint8Array
}

/** An action and what it is done to: what people approve. */
export type Matter = {
  readonly [A in ApprovableAction]: { readonly action: A; readonly object: ObjectOf<A> }
}[ApprovableAction]

/** Whether both name the same action on the same object. */
export function sameMatter(a: Matter, b: Matter): boolean {
  return equal(encodeCanonical(matterFields(a)), encodeCanonical(matterFields(b)))
}

/** The fields `action` and `object` of a document. A matter that has no such form is a UsageError. */
export function matterFields({ action, object }: Matter): { action: string; object: CborInput } {
  const given: Readonly<Record<string, unknown>> = object
  const fields: Record<string, CborInput> = {}
  for (const field of approvableActions[action].object) {
    const value = given[field]
    const { bytes, text } = objectFields[field]
    const fits =
      bytes === undefined
        ? Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 0xff
        : value instanceof Uint8Array && value.length === bytes
    if (!fits) throw new UsageError(`${action}: ${field} expected ${text}`)
    fields[field] = value as Uint8Array | number
  }
  if (Object.keys(given).length !== Object.keys(fields).length) {
    throw new UsageError(`${action}: the object has fields that are not known`)
  }
  return { action, object: fields }
}

/** Reads `action` and `object`. */
export function readMatter(r: MapReader): Matter {
  const action = r.text('action')
  if (!isApprovableAction(action)) throw r.fail('action is not known')
  const inner = r.map('object')
  const object: Partial<Record<ObjectField, Uint8Array | number>> = {}
  for (const field of approvableActions[action].object) {
    const { bytes } = objectFields[field]
    if (bytes !== undefined) object[field] = inner.bytes(field, bytes)
    else {
      const number = inner.uint(field, 0xff)
      if (number === 0) throw inner.fail(`${field} expected 1 to 255`)
      object[field] = number
    }
  }
  inner.end()
  return { action, object } as unknown as Matter
}

/** The matter in words, one line a field: for the person who is to decide. */
export function matterWords({ action, object }: Matter): readonly (readonly [string, string])[] {
  const { text, object: names } = approvableActions[action]
  const given: Readonly<Record<string, Uint8Array | number>> = object
  return [
    ['action', `${action}: ${text}`],
    ...names.map((field): readonly [string, string] => {
      const value = given[field]!
      return [objectFields[field].text, typeof value === 'number' ? String(value) : encodeHex(value)]
    }),
  ]
}

export function isApprovableAction(text: string): text is ApprovableAction {
  return Object.hasOwn(approvableActions, text)
}
