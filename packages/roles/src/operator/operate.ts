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
import { moduleStep, type ProvenHead, provenEvents, provenHead, readData } from '../custody/index.ts'
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
  /** Event number and chain of the last receipt that came. */
  proven?: ProvenHead
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
  let atWork: ModuleAtWork | undefined
  const work = async (): Promise<ModuleAtWork> => {
    const record = (await readModuleRecord(ports, module.serial)) ?? (await newRecord(channel, module))
    atWork = { channel, module, record, ...(atWork?.proven && { proven: atWork.proven }) }
    await settleOpen(ports, atWork)
    return atWork
  }
  const { result, entries } = await moduleStep(ports, channel, {
    name,
    types,
    proven: () => atWork?.proven ?? headNow(ports, { channel, module }),
    async settle() {
      return done((await work()).record)
    },
    async run() {
      const begun = await work()
      return done(begun.record) ?? run(begun)
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
  const { number, chain } = await headNow(ports, work)
  const open = { document, ...about, since: number, chain }
  // The number is used up from here on, whatever becomes of the document.
  work.record = { ...work.record, number: header.number, open }
  await writeModuleRecord(ports, work.record)
  return send(ports, work, open)
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
    await send(ports, work, open)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
  }
}

async function send(ports: PartyPorts, work: ModuleAtWork, open: OpenDocument): Promise<ResourceRecord> {
  const { document } = open
  const answer = await operateOnce(work, document).catch(async (error) => {
    if (!(error instanceof RefusedError)) throw error
    // A status word has no MAC: only the module's signed chain tells that nothing was done.
    if (!(await isCarriedOut(ports, work, open))) {
      await close(ports, work, work.record.resources)
      throw error
    }
    return operateOnce(work, document).catch((cause) => {
      if (!(cause instanceof RefusedError)) throw cause
      throw new PeerError('a document that may have been carried out is said to be refused', { cause })
    })
  })
  const { document: order } = parseOperatorDocument(document)
  const receipt = requireReceipt(ports, work.module, document, order, parseResourceReceipt(answer))
  work.proven = receipt
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

function operateOnce({ channel }: ModuleAtWork, document: Uint8Array): Promise<Uint8Array> {
  return channel.send('OPERATE', { data: document })
}

/** Whether the document is among the module's events since it was made, or may be because the module keeps them no more. */
async function isCarriedOut(
  ports: PartyPorts,
  work: ModuleAtWork,
  { document, since, chain }: OpenDocument,
): Promise<boolean> {
  const head = await headNow(ports, work)
  if (head.number === since && equal(head.chain, chain)) return false
  const before = { number: since, chain }
  const events = await provenEvents(ports, work.channel, { serial: work.module.serial, before, head })
  const digest = ports.crypto.sha256(document)
  return events === undefined || events.some((event) => equal(event.digest, digest))
}

/** The module's event number and chain, signed with its operating key over a nonce of now. */
function headNow(
  { crypto, entropy }: PartyPorts,
  { channel, module: { serial, operating } }: Pick<ModuleAtWork, 'channel' | 'module'>,
): Promise<ProvenHead> {
  return provenHead(channel, entropy.bytes(16), { crypto, serial, point: operating.publicPoint })
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
  { name, request }: OpenDocument,
): ResourceRecord {
  if (order.type === 'reservation') {
    const { resource: id, aid, supplier } = order
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
