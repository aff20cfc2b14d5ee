import { DecodeError, UsageError } from '@sealwright/core/errors'

/**
 * A PKCS#11 address (RFC 7512), as far as it names a token: path attributes token, manufacturer, serial, model, and object, which is what the
 * labels of keys begin with; query attributes module-path and pin-source. Every value is a text of at least one character.
 */
export interface Pkcs11Uri {
  readonly token?: string
  readonly manufacturer?: string
  readonly serial?: string
  readonly model?: string
  readonly object?: string
  readonly modulePath?: string
  /** A file whose first line is the PIN: `file:/PATH`, or a path (RFC 7512, 2.4). */
  readonly pinSource?: string
}

/**
 * Parses an address, its attributes in any order. A PIN inside it (pin-value) is a UsageError: an address is no place for a secret. What is not
 * known here, is empty or stands twice is a DecodeError.
 */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
  if (!text.startsWith(scheme)) throw malformed(`expected ${scheme}`)
  const [path, query, ...rest] = text.slice(scheme.length).split('?') as [string, ...string[]]
  if (rest.length > 0) throw malformed('more than one question mark')
  const uri: Partial<Record<keyof Pkcs11Uri, string>> = {}
  read(uri, path, ';', pathAttributes)
  if (query !== undefined) read(uri, query, '&', queryAttributes)
  if (Object.keys(uri).length === 0) throw malformed('it names nothing')
  return uri
}

/** The one form that is written: attributes in the order of the type above, escapes only where they are needed. */
export function serializePkcs11Uri(uri: Pkcs11Uri): string {
  const write = (attributes: Attributes, between: string, free: RegExp): string =>
    Object.entries(attributes)
      .flatMap(([name, key]) => (uri[key] === undefined ? [] : [`${name}=${escaped(uri[key], free)}`]))
      .join(between)
  const query = write(queryAttributes, '&', freeInQuery)
  return `${scheme}${write(pathAttributes, ';', freeInPath)}${query === '' ? '' : `?${query}`}`
}

type Attributes = Readonly<Record<string, keyof Pkcs11Uri>>

function read(
  uri: Partial<Record<keyof Pkcs11Uri, string>>,
  text: string,
  between: string,
  attributes: Attributes,
): void {
  if (text === '') {
    if (between === '&') throw malformed('nothing follows the question mark')
    return
  }
  for (const part of text.split(between)) {
    const at = part.indexOf('=')
    const name = at < 0 ? part : part.slice(0, at)
    if (name === 'pin-value') {
      throw new UsageError('a PIN does not belong into a pkcs11: address: leave pin-value out')
    }
    const key = Object.hasOwn(attributes, name) ? attributes[name] : undefined
    if (key === undefined || at < 0) {
      throw malformed(`the attribute ${JSON.stringify(name.slice(0, 40))} is not known here`)
    }
    if (uri[key] !== undefined) throw malformed(`${name} stands twice`)
    const value = unescaped(part.slice(at + 1), name)
    if (value === '') throw malformed(`${name} is empty`)
    uri[key] = value
  }
}

function unescaped(text: string, name: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw malformed(`${name}: an escape that spells no text`)
  }
}

function escaped(value: string, free: RegExp): string {
  return [...value].map((one) => (free.test(one) ? one : encode(one))).join('')
}

function encode(one: string): string {
  const plain = encodeURIComponent(one)
  return plain === one ? `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}` : plain
}

function malformed(reason: string): DecodeError {
  return new DecodeError(`PKCS#11 address: ${reason}`)
}

const scheme = 'pkcs11:'
const pathAttributes: Attributes = {
  token: 'token',
  manufacturer: 'manufacturer',
  serial: 'serial',
  model: 'model',
  object: 'object',
}
const queryAttributes: Attributes = { 'module-path': 'modulePath', 'pin-source': 'pinSource' }
// RFC 7512, 2.3: unreserved characters, and those of pk11-path-res-avail and pk11-query-res-avail.
const freeInPath = /^[A-Za-z0-9\-._~:[\]@!$'()*+,=&]$/
const freeInQuery = /^[A-Za-z0-9\-._~:[\]@!$'()*+,=/?|]$/
