import { encodeHex, equal } from '@sealwright/core/bytes'
import { dataTags, type EventType, type ResourceState } from '@sealwright/core/catalog'
import { withHandle } from '@sealwright/core/crypto'
import { AuthError, PeerError, RefusedError, StateError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import {
  type OperatorDocument,
  parseOperatorDocument,
  parseResourceReceipt,
  parseResourceRoom,
  parseResourceSummaries,
  prepareOperatorDocument,
  type ResourceReceipt,
  verifyResourceReceipt,
} from '@sealwright/core/resources'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { moduleStep, readData } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { type KnownModule, knownModule } from '../trust/index.ts'
import { operatorKey } from './key.ts'
import {
  type ModuleRecord,
  type OpenDocument,
  type ResourceRecord,
  readModuleRecord,
  writeModuleRecord,
} from './records.ts'

/** All that an operator's document may cause: whichever step settles one that was left open records its event. */
const types: readonly EventType[] = [
  'resource-reserved',
  'resource-blocked',
  'resource-released',
  'resource-deleted',
]

/** A module at work, with the operator's records of it. */
export interface ModuleAtWork {
  readonly channel: Channel
  readonly module: KnownModule
  record: ModuleRecord
}

export interface OperatorStep<T> {
  /** The command that does it: `operator block`. */
  readonly name: string
  /** The result from the records alone, if the module has done it already. */
  done(record: ModuleRecord): T | undefined
  /** Makes the document and sends it by `operate`. */
  run(work: ModuleAtWork): Promise<T>
}

/**
 * A step of the operator with one module. A document that was left open is settled with the module before anything else: it is sent
 * again and gives its receipt, whether it took effect before or only now.
 */
export async function operatorStep<T>(
  ports: PartyPorts,
  transport: Transport,
  { name, done, run }: OperatorStep<T>,
): Promise<{ result: T; module: KnownModule; entries: readonly LogEntry[] }> {
  // Whatever channel or application is open at the module would take the commands for its own.
  await endChannel(transport)
  const channel = plain(transport)
  const module = await knownModule(ports, channel)
  const work = async (): Promise<ModuleAtWork> => {
    const record = (await readModuleRecord(ports, module.serial)) ?? (await newRecord(channel, module))
    const atWork = { channel, module, record }
    await settleOpen(ports, atWork)
    return atWork
  }
  const { result, entries } = await moduleStep(ports, channel, {
    name,
    types,
    async settle() {
      return done((await work()).record)
    },
    async run() {
      const atWork = await work()
      return done(atWork.record) ?? run(atWork)
    },
  })
  return { result, module, entries }
}

/** Signs a document, writes it down as open, has the module carry it out, checks the receipt and records it. */
export async function operate(
  ports: PartyPorts,
  work: ModuleAtWork,
  draft: DistributiveOmit<OperatorDocument, 'module' | 'number' | 'time'>,
  about: Pick<OpenDocument, 'name' | 'request'> = { name: '', request: new Uint8Array(0) },
): Promise<ResourceRecord> {
  const { clock, crypto, vault } = ports
  const header = { module: work.module.serial, number: work.record.number + 1, time: clock.now() }
  const full = { ...draft, ...header } as OperatorDocument
  const unsigned = prepareOperatorDocument(full, await vault.publicPoint(operatorKey), crypto)
  const document = unsigned.finish(await vault.sign(operatorKey, unsigned.toBeSigned))
  // The number is used up from here on, whatever becomes of the document.
  work.record = { ...work.record, number: header.number, open: { document, ...about } }
  await writeModuleRecord(ports, work.record)
  return send(ports, work, document)
}

export function findResource(record: ModuleRecord, id: number): ResourceRecord {
  const found = record.resources.find((one) => one.id === id)
  if (found !== undefined) return found
  throw new StateError(`there is no resource ${id} of this operator in module ${encodeHex(record.serial)}`)
}

async function settleOpen(ports: PartyPorts, work: ModuleAtWork): Promise<void> {
  const { open } = work.record
  if (open === undefined) return
  ports.progress('a document was left open: settling it with the module')
  try {
    await send(ports, work, open.document)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
  }
}

async function send(ports: PartyPorts, work: ModuleAtWork, document: Uint8Array): Promise<ResourceRecord> {
  const { open } = work.record
  let answer: Uint8Array
  try {
    answer = await work.channel.send('OPERATE', { data: document })
  } catch (error) {
    // A refusal has changed nothing: the document is done with.
    if (error instanceof RefusedError) await close(ports, work, work.record.resources)
    throw error
  }
  const { document: order } = parseOperatorDocument(document)
  const receipt = requireReceipt(ports, work.module, document, order, parseResourceReceipt(answer))
  const before = work.record.resources.find(({ id }) => id === order.resource)
  const after = recorded(before, order, document, answer, receipt, open)
  const others = work.record.resources.filter(({ id }) => id !== order.resource)
  await close(
    ports,
    work,
    [...others, after].sort((a, b) => a.id - b.id),
  )
  return after
}

async function close(
  ports: PartyPorts,
  work: ModuleAtWork,
  resources: readonly ResourceRecord[],
): Promise<void> {
  work.record = { ...work.record, resources, open: undefined }
  await writeModuleRecord(ports, work.record)
}

function recorded(
  before: ResourceRecord | undefined,
  order: OperatorDocument,
  document: Uint8Array,
  answer: Uint8Array,
  { state, start, end }: ResourceReceipt,
  open: OpenDocument | undefined,
): ResourceRecord {
  if (order.type === 'reservation') {
    const { resource: id, aid, supplier } = order
    const { name = '', request = new Uint8Array(32) } = open ?? {}
    return { id, name, state, aid, supplier, start, end, request, reservation: document, reserved: answer }
  }
  if (before === undefined) throw new StateError(`there is no record of resource ${order.resource}`)
  const first = order.type === 'release' && before.release === undefined
  return { ...before, state, ...(first ? { release: document, released: answer } : {}) }
}

/** The module's statement of what it did, signed with its operating key, must fit the document. */
function requireReceipt(
  { crypto }: PartyPorts,
  { serial, operating }: KnownModule,
  document: Uint8Array,
  order: OperatorDocument,
  receipt: ResourceReceipt,
): ResourceReceipt {
  const holds = withHandle(crypto.ecPublicKey(operating.publicPoint), (key) =>
    verifyResourceReceipt(key, serial, crypto.sha256(document), receipt),
  )
  if (!holds) throw new AuthError()
  const fits =
    receipt.resource === order.resource &&
    receipt.state === stateAfter[order.type] &&
    (order.type !== 'reservation' ||
      (receipt.end - receipt.start === order.size && (order.start ?? receipt.start) === receipt.start))
  if (!fits) throw new PeerError('the receipt of the module does not fit the document')
  return receipt
}

const stateAfter: Record<OperatorDocument['type'], ResourceState> = {
  reservation: 'reserved',
  release: 'active',
  block: 'blocked',
  deletion: 'deleted',
}

/** The first record of a module: its zone, and nothing of ours in it. */
async function newRecord(channel: Channel, { serial }: KnownModule): Promise<ModuleRecord> {
  const { start, end } = parseResourceRoom((await readData(channel, dataTags.memory)) ?? new Uint8Array(0))
  return { serial, number: 0, zone: { start, end }, resources: [] }
}

/** Areas in the module that are another operator's, as the module tells them. */
export async function foreignAreas({
  channel,
  record,
}: ModuleAtWork): Promise<
  { readonly id: number; readonly start: number; readonly end: number; readonly aid: Uint8Array }[]
> {
  const all = parseResourceSummaries((await readData(channel, dataTags.resources)) ?? new Uint8Array(0))
  return all.filter(
    (one) =>
      !record.resources.some(
        (own) => own.id === one.id && own.state !== 'deleted' && equal(own.aid, one.aid),
      ),
  )
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
