import { encodeHex, equal } from '@sealwright/core/bytes'
import { dataTags } from '@sealwright/core/catalog'
import { encodeCanonical, MapReader } from '@sealwright/core/cbor'
import type { Transport } from '@sealwright/core/ports'
import { agreements, parseResourceRoom, type ResourceRoom } from '@sealwright/core/resources'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import { plain } from '../channel/index.ts'
import { readData } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { knownModule } from '../trust/index.ts'

/** What the register says of a module. */
export interface RegisteredModule {
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** Its operating certificate, which holds its public key, and the unit's. */
  readonly operating: Certificate
  readonly unit: Certificate
  /** Room for resources. */
  readonly room: ResourceRoom
  /** Numbers of the key-agreement parameters that it takes (`agreements`). */
  readonly abilities: readonly number[]
  /** When it was seen, seconds since 1970. */
  readonly at: number
}

/** Enters a module: number, public key checked up to the pinned manufacturer's root, memory, abilities. Again: the entry is renewed. */
export async function register(ports: PartyPorts, transport: Transport): Promise<RegisteredModule> {
  const channel = plain(transport)
  const { serial, operating, unit } = await knownModule(ports, channel)
  const room = parseResourceRoom((await readData(channel, dataTags.memory)) ?? new Uint8Array(0))
  const abilities = Object.keys(agreements).map(Number)
  const entry = { serial, operating, unit, room, abilities, at: ports.clock.now() }
  await ports.store.write(fileOf(serial), serializeEntry(entry))
  return entry
}

/** Every module of the register, by serial number. */
export async function registered({ store }: PartyPorts): Promise<RegisteredModule[]> {
  const entries: RegisteredModule[] = []
  for (const name of await store.list('modules/')) {
    const bytes = await store.read(name)
    if (bytes !== undefined) entries.push(parseEntry(bytes))
  }
  return entries
}

export async function findRegistered(
  ports: PartyPorts,
  serial: Uint8Array,
): Promise<RegisteredModule | undefined> {
  return (await registered(ports)).find((entry) => equal(entry.serial, serial))
}

function serializeEntry({ operating, unit, room, ...entry }: RegisteredModule): Uint8Array {
  const certificates = { operating: operating.encoded, unit: unit.encoded }
  return encodeCanonical({ v: 1, format, ...entry, ...certificates, room: { ...room } })
}

function parseEntry(bytes: Uint8Array): RegisteredModule {
  const r = MapReader.of(bytes, 'register')
  r.begin('registered module')
  const room = r.map('room')
  const entry = {
    serial: r.bytes('serial', 8),
    operating: parseCertificate(r.bytes('operating')),
    unit: parseCertificate(r.bytes('unit')),
    room: {
      start: room.uint('start'),
      end: room.uint('end'),
      entries: room.uint('entries'),
      free: room.uint('free'),
    },
    abilities: r.array('abilities', (item) => {
      if (typeof item !== 'number') throw r.fail('abilities expected numbers')
      return item
    }),
    at: r.time('at'),
  }
  room.end()
  r.end()
  return entry
}

function fileOf(serial: Uint8Array): string {
  return `modules/${encodeHex(serial).toLowerCase()}`
}

const format = 'sealwright registered module'
