import { Reader } from '@sealwright/core/bytes'
import {
  type ChipMode,
  certificateIds,
  chipModes,
  dataTags,
  type PersonalizationState,
  personalizationStates,
} from '@sealwright/core/catalog'
import { withHandle } from '@sealwright/core/crypto'
import { parseChipStatus } from '@sealwright/core/customization'
import { AuthError, InternalError, RefusedError, StateError } from '@sealwright/core/errors'
import { passportHeadInput, type SignedHead } from '@sealwright/core/log'
import type { Crypto } from '@sealwright/core/ports'
import type { Channel } from '../channel/index.ts'

/** What a party learns of a module before its step. */
export interface ModuleHead {
  /** 8 bytes. */
  readonly serial: Uint8Array
  readonly mode: ChipMode
  /** In user mode. */
  readonly state?: PersonalizationState
  /** Number of the last event. */
  readonly number: number
}

/** Asks in every mode. In issuer mode the writing of the serial number is the only event there can be. */
export async function readHead(channel: Channel): Promise<ModuleHead> {
  const { mode, serial } = parseChipStatus(await channel.send('CHIP STATUS'))
  if (serial === undefined) throw new StateError('the chip has no serial number yet')
  if (mode === 'issuer') return { serial, mode, number: 1 }
  const state = parseState(await channel.send('GET DATA', tagParameters(dataTags.state)))
  return { serial, ...state }
}

/** P1 and P2 of GET DATA for a tag. */
export function tagParameters(tag: number): { p1: number; p2: number } {
  return { p1: tag >>> 8, p2: tag & 0xff }
}

/** A data object of the module, or undefined when it has none. */
export async function readData(channel: Channel, tag: number): Promise<Uint8Array | undefined> {
  try {
    return await channel.send('GET DATA', tagParameters(tag))
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'module-reference-not-found') return undefined
    throw error
  }
}

/** The value of tag DF20: mode(1) ‖ state(1) ‖ event number(4). */
export function parseState(bytes: Uint8Array): Pick<ModuleHead, 'mode' | 'state' | 'number'> {
  const r = new Reader(bytes, 'module state')
  const modeCode = r.u8('mode')
  const stateCode = r.u8('state')
  const number = r.u32('event number')
  r.end()
  const mode = (Object.keys(chipModes) as ChipMode[]).find((name) => chipModes[name].code === modeCode)
  const state = (Object.keys(personalizationStates) as PersonalizationState[]).find(
    (name) => personalizationStates[name].code === stateCode,
  )
  if (mode === undefined || state === undefined) throw r.fail('no such mode or state')
  return mode === 'user' ? { mode, state, number } : { mode, number }
}

/**
 * The module's own statement of its event number and chain, over the caller's nonce (16 bytes), with the certificates of the key that
 * signed it, leaf first. The signature is not checked here.
 */
export async function readSignedHead(
  channel: Channel,
  nonce: Uint8Array,
): Promise<{ head: SignedHead; chain: Uint8Array[] }> {
  const head = await askHead(channel, nonce)
  const tags =
    head.key === 'identity'
      ? [certificateIds.identity.tag]
      : [certificateIds.operating.tag, certificateIds.unit.tag]
  const certificates: Uint8Array[] = []
  for (const tag of tags) {
    const certificate = await readData(channel, tag)
    if (certificate !== undefined) certificates.push(certificate)
  }
  return { head, chain: certificates }
}

/** The module's event number and the chain after it, as somebody on the line cannot have changed them. */
export interface ProvenHead {
  readonly number: number
  readonly chain: Uint8Array
}

/**
 * Event number and chain of now, over a fresh nonce (16 bytes): signed with the key that is given, AuthError when not. Without a key only
 * inside a channel, whose MAC vouches for the answer.
 */
export async function provenHead(
  channel: Channel,
  nonce: Uint8Array,
  checks?: { readonly crypto: Crypto; readonly serial: Uint8Array; readonly point: Uint8Array },
): Promise<ProvenHead> {
  const head = await askHead(channel, nonce)
  if (checks === undefined) {
    if (channel.kind === 'plain')
      throw new InternalError('a head in the clear without a key to check it with')
    return head
  }
  const { crypto, serial, point } = checks
  const holds = withHandle(crypto.ecPublicKey(point), (key) =>
    key.verify(head.signature, ...passportHeadInput({ serial, ...head })),
  )
  if (!holds) throw new AuthError()
  return head
}

async function askHead(channel: Channel, nonce: Uint8Array): Promise<SignedHead> {
  const r = new Reader(await channel.send('PASSPORT HEAD', { data: nonce }), 'passport head')
  const number = r.u32('number')
  const chain = r.take(32, 'chain')
  const keyId = r.u8('key')
  const signature = r.take(64, 'signature')
  r.end()
  if (keyId !== 1 && keyId !== 2) throw r.fail('expected key 1 or 2')
  return { nonce, number, chain, key: keyId === 1 ? 'identity' : 'operating', signature }
}
