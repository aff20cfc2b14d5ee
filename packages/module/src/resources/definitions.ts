import { equal, Reader } from '@sealwright/core/bytes'
import { resourceStates } from '@sealwright/core/catalog'
import {
  type ResourceRoom,
  serializeResourceRoom,
  serializeResourceSummaries,
} from '@sealwright/core/resources'
import { type Nvm, type Segment, StorageFull, type Transaction, type Watch } from '../eeprom/index.ts'
import { type Definition, parseDefinition, type Span, serializeDefinition } from './definition.ts'
import { firstFit } from './gaps.ts'
import { bringsData } from './loading.ts'
import { type OperatorRecord, parseOperatorRecord, serializeOperatorRecord } from './operator-record.ts'

/** What an entry of DEF holds; 0 is a free one. */
const forms = { resource: 0x01, operator: 0x02 } as const

/** The definition zone DEF: the resources, and the operators' numbers (design, section 5, C). Only OPERATE and loads write here. */
export class Definitions {
  readonly #nvm: Nvm
  readonly #watch: Watch
  /** Resources that were asked for since DEF last changed. */
  readonly #known = new Map<number, Definition>()
  #all: readonly Definition[] | undefined

  constructor(nvm: Nvm) {
    this.#nvm = nvm
    this.#watch = nvm.watch()
  }

  /** Every resource, by number. */
  list(): readonly Definition[] {
    if (!this.#watch.holds()) this.#forget()
    this.#all ??= this.#slots(forms.resource)
      .map((slot) => this.#read(slot, parseDefinition))
      .sort((a, b) => a.id - b.id)
    return this.#all
  }

  /** The same value as before when nothing in DEF has changed. */
  find(id: number): Definition | undefined {
    if (!this.#watch.holds()) this.#forget()
    const known = this.#known.get(id)
    if (known !== undefined) return known
    const slot = this.#slotOf(id)
    if (slot === undefined) return undefined
    const definition = this.#read(slot, parseDefinition)
    this.#known.set(id, definition)
    return definition
  }

  /** The resource that has this AID, in whatever state. */
  named(aid: Uint8Array): Definition | undefined {
    return this.list().find((one) => equal(one.aid, aid))
  }

  /** The resource whose application answers to this AID: active, and with a program. */
  byAid(aid: Uint8Array): Definition | undefined {
    return this.list().find(
      (one) => one.state === 'active' && one.loaded !== undefined && equal(one.aid, aid),
    )
  }

  /** The supplier's public point of a resource that a channel may be set up with: an active one. */
  supplierKey(id: number): Uint8Array | undefined {
    const definition = this.find(id)
    return definition?.state === 'active' ? definition.supplier : undefined
  }

  put(tx: Transaction, definition: Definition): void {
    const slot = this.#slotOf(definition.id) ?? this.#freeSlot()
    this.#write(tx, slot, forms.resource, serializeDefinition(definition))
  }

  remove(tx: Transaction, id: number): void {
    const slot = this.#slotOf(id)
    if (slot !== undefined) tx.erase(this.#address(slot), this.#zone.entryLength)
  }

  /** The last document of the operator with this key id. */
  operator(keyId: Uint8Array): OperatorRecord | undefined {
    return this.#operators().find(({ record }) => equal(record.keyId, keyId))?.record
  }

  putOperator(tx: Transaction, record: OperatorRecord): void {
    const known = this.#operators().find((one) => equal(one.record.keyId, record.keyId))
    this.#write(tx, known?.slot ?? this.#freeSlot(), forms.operator, serializeOperatorRecord(record))
  }

  /** Whether an entry is free for one more resource, beside one for each of these operators (key ids) that has none yet. */
  hasRoom(operators: readonly Uint8Array[]): boolean {
    const silent = operators.filter((keyId) => this.operator(keyId) === undefined)
    return this.#slots(0).length > silent.length
  }

  /** Areas of all resources. */
  areas(): Span[] {
    return this.list().map(({ start, end }) => ({ start, length: end - start }))
  }

  /** Where an area of so many bytes fits; undefined when it fits nowhere. */
  place(size: number): number | undefined {
    return firstFit(this.#nvm.zones.resources, this.areas(), size)
  }

  /** Every resource: id(1) state(1) start(4) end(4) AID LV. */
  summary(): Uint8Array {
    return serializeResourceSummaries(
      this.list().map((one) => ({ ...one, state: resourceStates[one.state].code })),
    )
  }

  /** Room for resources, as GET DATA tells it. */
  room(): Uint8Array {
    const { start, end } = this.#nvm.zones.resources
    const room: ResourceRoom = { start, end, entries: this.#zone.entries, free: this.#slots(0).length }
    return serializeResourceRoom(room)
  }

  /** For the map of the memory: entries of DEF in use, and whose the bytes of the areas are. */
  segments(): Segment[] {
    const entry = (slot: number) => {
      const start = this.#address(slot)
      return { start, end: start + this.#zone.entryLength, owner: 'operator' }
    }
    const operators = this.#operators().map(({ slot }, i) => ({
      ...entry(slot),
      name: `operator ${i + 1}, last document`,
    }))
    const resources = this.#slots(forms.resource).flatMap((slot) => {
      const definition = this.#read(slot, parseDefinition)
      return [{ ...entry(slot), name: `definition of resource ${definition.id}` }, ...tenants(definition)]
    })
    return [...operators, ...resources]
  }

  /** From here on DEF is watched again. */
  #forget(): void {
    const { start, end } = this.#zone
    this.#known.clear()
    this.#all = undefined
    this.#watch.set(start, end - start)
  }

  get #zone() {
    return this.#nvm.zones.definition
  }

  #operators(): { slot: number; record: OperatorRecord }[] {
    return this.#slots(forms.operator).map((slot) => ({
      slot,
      record: this.#read(slot, parseOperatorRecord),
    }))
  }

  #slots(form: number): number[] {
    const { start, end, entries, entryLength } = this.#zone
    const bytes = this.#nvm.read(start, end - start)
    return Array.from({ length: entries }, (_, slot) => slot).filter(
      (slot) => bytes[slot * entryLength] === form,
    )
  }

  #slotOf(id: number): number | undefined {
    for (let slot = 0; slot < this.#zone.entries; slot++) {
      const head = this.#nvm.read(this.#address(slot), 2)
      if (head[0] === forms.resource && head[1] === id) return slot
    }
    return undefined
  }

  #freeSlot(): number {
    const slot = this.#slots(0)[0]
    if (slot === undefined) throw new StorageFull(`all ${this.#zone.entries} entries of DEF are used`)
    return slot
  }

  #address(slot: number): number {
    return this.#zone.start + slot * this.#zone.entryLength
  }

  #read<T>(slot: number, parse: (r: Reader) => T): T {
    const r = new Reader(this.#nvm.read(this.#address(slot), this.#zone.entryLength), 'entry of DEF')
    r.u8('form')
    const value = parse(r)
    if (r.rest().some((byte) => byte !== 0)) throw r.fail('bytes behind the end not zero')
    return value
  }

  #write(tx: Transaction, slot: number, form: number, content: Uint8Array): void {
    const bytes = new Uint8Array(this.#zone.entryLength)
    bytes[0] = form
    bytes.set(content, 1)
    tx.write(this.#address(slot), bytes)
  }
}

/** The bytes of one area without gap: program, data, what is being loaded, and what is free in it. */
function tenants({ id, start, end, loaded, pending }: Definition): Segment[] {
  const owner = `resource ${id}`
  const parts = [
    { span: loaded?.program, name: 'program' },
    { span: loaded?.data, name: 'data' },
    { span: pending?.program, name: 'program being loaded' },
    {
      span: pending !== undefined && bringsData(pending, loaded) ? pending.data : undefined,
      name: 'data being loaded',
    },
  ]
    .flatMap(({ span, name }) =>
      span === undefined || span.length === 0
        ? []
        : [{ start: span.start, end: span.start + span.length, owner, name: `${owner} ${name}` }],
    )
    .sort((a, b) => a.start - b.start)
  const map: Segment[] = []
  let at = start
  const fill = (to: number): void => {
    if (to > at) map.push({ start: at, end: to, owner, name: `${owner} free` })
  }
  for (const part of parts) {
    fill(part.start)
    map.push(part)
    at = part.end
  }
  fill(end)
  return map
}
