import { ascii, Reader, u32, Writer } from '../bytes/index.ts'
import { labels, type ResourceState, resourceStateOf, resourceStates } from '../catalog/index.ts'
import type { EcPublicKey } from '../ports/index.ts'

/** What OPERATE answers: what became of the resource, as which event, signed with the operating key. */
export interface ResourceReceipt {
  readonly resource: number
  readonly state: ResourceState
  /** The area: from `start` up to, not including, `end`. Where it was, after a deletion. */
  readonly start: number
  readonly end: number
  /** Event number, and the chain after it (32 bytes). */
  readonly number: number
  readonly chain: Uint8Array
  /** r‖s, 64 bytes. */
  readonly signature: Uint8Array
}

/** What LOAD SWITCH answers. */
export interface LoadReceipt {
  readonly resource: number
  /** Version of the package that runs now. */
  readonly version: number
  readonly number: number
  readonly chain: Uint8Array
  readonly signature: Uint8Array
}

export const resourceReceiptLength = 110
export const loadReceiptLength = 105

/** resource(1) ‖ state(1) ‖ start(4) ‖ end(4) ‖ event number(4) ‖ chain(32) ‖ signature(64). */
export function serializeResourceReceipt(receipt: ResourceReceipt): Uint8Array {
  return new Writer().bytes(resourceOutcome(receipt)).bytes(receipt.signature).finish()
}

export function parseResourceReceipt(bytes: Uint8Array): ResourceReceipt {
  const r = new Reader(bytes, 'receipt of OPERATE')
  const resource = r.u8('resource')
  const state = resourceStateOf(r.u8('state'))
  if (state === undefined) throw r.fail('no such state')
  const receipt = {
    resource,
    state,
    start: r.u32('start'),
    end: r.u32('end'),
    number: r.u32('event number'),
    chain: r.take(32, 'chain'),
    signature: r.take(64, 'signature'),
  }
  r.end()
  if (receipt.end <= receipt.start) throw r.fail('the area ends before it begins')
  return receipt
}

/** What the operating key signs: "RSC1" ‖ serial ‖ SHA-256 of the document ‖ the receipt up to the signature. */
export function resourceReceiptInput(
  serial: Uint8Array,
  documentDigest: Uint8Array,
  receipt: Omit<ResourceReceipt, 'signature'>,
): Uint8Array[] {
  return [ascii(labels.resourceReceipt.text), serial, documentDigest, resourceOutcome(receipt)]
}

export function verifyResourceReceipt(
  operating: EcPublicKey,
  serial: Uint8Array,
  documentDigest: Uint8Array,
  receipt: ResourceReceipt,
): boolean {
  return operating.verify(receipt.signature, ...resourceReceiptInput(serial, documentDigest, receipt))
}

/** resource(1) ‖ version(4) ‖ event number(4) ‖ chain(32) ‖ signature(64). */
export function serializeLoadReceipt(receipt: LoadReceipt): Uint8Array {
  return new Writer().bytes(loadOutcome(receipt)).bytes(receipt.signature).finish()
}

export function parseLoadReceipt(bytes: Uint8Array): LoadReceipt {
  const r = new Reader(bytes, 'receipt of LOAD SWITCH')
  const receipt = {
    resource: r.u8('resource'),
    version: r.u32('version'),
    number: r.u32('event number'),
    chain: r.take(32, 'chain'),
    signature: r.take(64, 'signature'),
  }
  r.end()
  return receipt
}

/** What the operating key signs: "LOD1" ‖ serial ‖ SHA-256 of the manifest ‖ the receipt up to the signature. */
export function loadReceiptInput(
  serial: Uint8Array,
  manifestDigest: Uint8Array,
  receipt: Omit<LoadReceipt, 'signature'>,
): Uint8Array[] {
  return [ascii(labels.loadReceipt.text), serial, manifestDigest, loadOutcome(receipt)]
}

export function verifyLoadReceipt(
  operating: EcPublicKey,
  serial: Uint8Array,
  manifestDigest: Uint8Array,
  receipt: LoadReceipt,
): boolean {
  return operating.verify(receipt.signature, ...loadReceiptInput(serial, manifestDigest, receipt))
}

/** What the interface `sign` signs for a program: "APP1" ‖ resource(1) ‖ data. */
export function applicationInput(resource: number, data: Uint8Array): Uint8Array[] {
  return [ascii(labels.application.text), Uint8Array.of(resource), data]
}

function resourceOutcome(receipt: Omit<ResourceReceipt, 'signature'>): Uint8Array {
  const { resource, state, start, end, number, chain } = receipt
  return new Writer()
    .u8(resource)
    .u8(resourceStates[state].code)
    .u32(start)
    .u32(end)
    .bytes(u32(number))
    .bytes(chain)
    .finish()
}

function loadOutcome({ resource, version, number, chain }: Omit<LoadReceipt, 'signature'>): Uint8Array {
  return new Writer().u8(resource).u32(version).u32(number).bytes(chain).finish()
}
