import { decodeHex, requireFormatVersion } from '../bytes/index.ts'
import { type CommandName, commands } from '../catalog/index.ts'
import { DecodeError } from '../errors/index.ts'
import { type PlaceKind, placeKinds } from '../key-download/index.ts'
import type { LaterChange } from './later-change.ts'
import { type GrantableInterface, grantableInterfaces } from './software.ts'

/**
 * What a person writes who changes a module in user mode: JSON with `format` 1 and members of a LaterChange, all of them optional. Numbers of
 * places and instructions, and bytes, are text in hex. `wasm` names a file. Keys do not stand in it.
 */
export function parseChangeFile(bytes: Uint8Array): Omit<LaterChange, 'keys'> {
  const top = fieldsOf(json(bytes), 'the change')
  requireFormatVersion('change file', top.number('format', 0xffff))
  const change = {
    ...optional('name', top.text('name')),
    ...optional(
      'suites',
      top.list('suites', (value) => hexNumber(value, 'a suite', 2)),
    ),
    ...optional('software', top.list('software', software)),
    ...optional('data', top.list('data', data)),
    ...optional('keyPlaces', top.list('keyPlaces', keyPlace)),
    ...optional('vectors', top.list('vectors', vector)),
    ...optional('natives', top.list('natives', native)),
  }
  top.end()
  if (change.name !== undefined && !/^[\x20-\x7e]{1,32}$/.test(change.name)) {
    throw wrong('name: expected 1 to 32 printable ASCII characters')
  }
  return change
}

function software(value: unknown) {
  const f = fieldsOf(value, 'software')
  const made = {
    program: f.number('program', 0xff),
    wasm: required(f.text('wasm'), 'software', 'wasm'),
    interfaces: f.list('interfaces', granted) ?? [],
    budget: f.number('budget', 0xffff_ffff),
    keyPlaces: f.list('keyPlaces', place) ?? [],
    ...(f.has('dataSize') ? { dataSize: f.number('dataSize', 0x2_0000) } : {}),
  }
  f.end()
  return made
}

function data(value: unknown) {
  const f = fieldsOf(value, 'data')
  const made = { program: f.number('program', 0xff), bytes: hexBytes(f.text('hex'), 'data') }
  f.end()
  return made
}

function keyPlace(value: unknown) {
  const f = fieldsOf(value, 'a key place')
  const kind = required(f.text('kind'), 'a key place', 'kind')
  if (!Object.hasOwn(placeKinds, kind)) throw wrong(`a key place has no kind ${JSON.stringify(kind)}`)
  const made = {
    place: place(f.text('place')),
    kind: kind as PlaceKind,
    usage: required(f.text('usage'), 'a key place', 'usage'),
    source: f.has('source') ? place(f.text('source')) : 0,
  }
  f.end()
  if (!/^([0-9A-Z]{2}|\*\*)$/.test(made.usage)) throw wrong('usage: expected two characters of X9.143, or **')
  return made
}

function vector(value: unknown) {
  const f = fieldsOf(value, 'a vector')
  const made = {
    ins: hexNumber(f.text('ins'), 'ins', 1),
    program: f.number('program', 0xff),
    function: f.number('function', 0xff),
  }
  f.end()
  return made
}

function native(value: unknown): CommandName {
  if (typeof value !== 'string' || !Object.hasOwn(commands, value)) {
    throw wrong(`there is no native command ${JSON.stringify(value)}`)
  }
  return value as CommandName
}

function granted(value: unknown): GrantableInterface {
  const found = grantableInterfaces.find((name) => name === value)
  if (found === undefined) throw wrong(`no interface ${JSON.stringify(value)} is granted to software`)
  return found
}

function place(value: unknown): number {
  return hexNumber(value, 'a place', 4)
}

function hexNumber(value: unknown, what: string, bytes: number): number {
  if (typeof value !== 'string' || !new RegExp(`^[0-9A-Fa-f]{${2 * bytes}}$`).test(value)) {
    throw wrong(`${what}: expected ${2 * bytes} hexadecimal digits, got ${JSON.stringify(value)}`)
  }
  return Number.parseInt(value, 16)
}

function hexBytes(value: unknown, what: string): Uint8Array {
  if (typeof value !== 'string' || !/^([0-9A-Fa-f]{2})*$/.test(value)) {
    throw wrong(`${what}: expected pairs of hexadecimal digits`)
  }
  return decodeHex(value)
}

/** The members of an object, each taken once; `end` refuses those that nobody took. */
function fieldsOf(value: unknown, what: string) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(`${what}: expected an object`)
  }
  const members = new Map(Object.entries(value))
  const take = (name: string): unknown => {
    const member = members.get(name)
    members.delete(name)
    return member
  }
  return {
    has: (name: string) => members.has(name),
    number(name: string, most: number): number {
      const member = take(name)
      if (typeof member !== 'number' || !Number.isInteger(member) || member < 0 || member > most) {
        throw wrong(`${what}: ${name}: expected a whole number up to ${most}, got ${JSON.stringify(member)}`)
      }
      return member
    },
    text(name: string): string | undefined {
      const member = take(name)
      if (member !== undefined && typeof member !== 'string') throw wrong(`${what}: ${name}: expected text`)
      return member
    },
    list<T>(name: string, each: (value: unknown) => T): T[] | undefined {
      const member = take(name)
      if (member === undefined) return undefined
      if (!Array.isArray(member)) throw wrong(`${what}: ${name}: expected a list`)
      return member.map(each)
    },
    end(): void {
      const [name] = members.keys()
      if (name !== undefined) throw wrong(`${what}: no member is called ${JSON.stringify(name)}`)
    },
  }
}

function optional<N extends string, T>(name: N, value: T | undefined): { readonly [K in N]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [K in N]?: T }
}

function required(value: string | undefined, what: string, name: string): string {
  if (value === undefined) throw wrong(`${what}: ${name} is missing`)
  return value
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw wrong('expected JSON text')
  }
}

function wrong(text: string): DecodeError {
  return new DecodeError(`change file: ${text}`)
}
