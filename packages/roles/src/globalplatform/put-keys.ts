import { encodeHex, equal } from '@sealwright/core/bytes'
import { kcvGlobalPlatform, withHandle } from '@sealwright/core/crypto'
import { PeerError, SealwrightError, StateError, UsageError } from '@sealwright/core/errors'
import {
  type AesKeyComponent,
  dataTags,
  factoryKeyVersion,
  isKeyVersion,
  parseDiversificationData,
  type Scp03KeyBytes,
  serializePutKeyAnswer,
  serializePutKeyData,
  wipeScp03Keys,
} from '@sealwright/core/globalplatform'
import type { Transport } from '@sealwright/core/ports'
import { type CardPorts, isProcessed, plainLine, readable, readDataObject, selectDomain } from './card.ts'
import { readKeys } from './keys.ts'
import { type DomainSession, type KeySource, openScp03Session } from './session.ts'
import { refusedInSession } from './status-words.ts'

export interface PutKeysInput {
  /** The security domain; left out: the issuer's. */
  readonly aid?: Uint8Array
  /** Opens a session under the keys that the card has now. It is called with the domain selected. */
  openSession(): Promise<DomainSession>
  /**
   * The new keys, which the caller has kept for good already: a line that is cut during PUT KEY must never leave a card with keys that nobody
   * has.
   */
  readonly newKeys: KeySource
  /** Whether the new keys depend on the card's diversification data. */
  readonly diversified?: boolean
  /** 01 to 7F. Left out: 01 after the factory's keys, else the version that the session is opened with. */
  readonly newKeyVersion?: number
  /** The set of the session goes, whatever its version; otherwise a new version is added beside it. */
  readonly replaceSession?: boolean
  /** Challenges of 16 bytes, for the session that tries the new keys. */
  readonly s16?: boolean
}

export interface PutKeysResult {
  readonly keyVersion: number
  /** Of ENC, MAC, DEK, 3 bytes each. */
  readonly checkValues: readonly Uint8Array[]
  /** `there`: an earlier run had put them already. */
  readonly outcome: 'put' | 'there'
}

/**
 * Puts a set of SCP03 keys and opens a session with it. Broken off, run it again with the same keys: it asks the card which set it has, the
 * new one first, and goes on from there.
 */
export async function putKeys(
  transport: Transport,
  ports: CardPorts,
  input: PutKeysInput,
): Promise<PutKeysResult> {
  const { aid, newKeys, replaceSession = false } = input
  if (input.newKeyVersion !== undefined) requireVersion(input.newKeyVersion)
  await selectDomain(transport, aid)
  const before = await setVersions(transport)
  const named = input.newKeyVersion
  if (named !== undefined && (before === undefined || before.includes(named))) {
    const checkValues = await opens(transport, ports, input, named)
    if (checkValues) return { outcome: 'there', keyVersion: named, checkValues }
    await selectDomain(transport, aid)
  }

  const opened = await openOld(transport, ports, input, before)
  if ('outcome' in opened) return opened
  if (named === undefined && opened.keyVersion === factoryKeyVersion && before?.includes(1)) {
    opened.close()
    return await requireThere(transport, ports, input)
  }
  const keys = newKeys({ diversificationData: await diversificationDataOf(opened, input) })
  try {
    const sessionVersion = opened.kind === 'scp03' ? opened.keyVersion : undefined
    const keyVersion = named ?? defaultVersion(sessionVersion)
    const p1 = replacedVersion(sessionVersion, keyVersion, before, replaceSession)
    await put(opened, ports, keys, keyVersion, p1)
    await selectDomain(transport, aid)
    const checkValues = await opens(transport, ports, input, keyVersion)
    if (!checkValues) {
      throw new PeerError(
        `the card answered PUT KEY as if it had taken the keys, and does not open a session with them (version ${hex(keyVersion)})`,
      )
    }
    return { outcome: 'put', keyVersion, checkValues }
  } finally {
    wipeScp03Keys(keys)
    opened.close()
  }
}

function defaultVersion(sessionVersion: number | undefined): number {
  if (sessionVersion === undefined)
    throw new UsageError('with SCP11 the new version has to be named: --new-version')
  return isKeyVersion(sessionVersion) ? sessionVersion : 1
}

/** A card that keeps the factory's set beside version 01: that is the new set of an earlier run, or somebody's. */
async function requireThere(
  transport: Transport,
  ports: CardPorts,
  input: PutKeysInput,
): Promise<PutKeysResult> {
  await selectDomain(transport, input.aid)
  const checkValues = await opens(transport, ports, input, 1)
  if (checkValues) return { outcome: 'there', keyVersion: 1, checkValues }
  throw new UsageError(
    'the card has a key set of version 01 already: name the new version with --new-version',
  )
}

/** P1 of PUT KEY: the version that goes, 00 for none. A domain without keys of its own is opened with those of another one. */
function replacedVersion(
  sessionVersion: number | undefined,
  keyVersion: number,
  before: readonly number[] | undefined,
  replaceSession: boolean,
): number {
  const isThere = (version: number) => before?.includes(version) ?? version === sessionVersion
  if (isThere(keyVersion)) return keyVersion
  // The factory's set goes by itself at many cards; it cannot be named at others.
  const goes = replaceSession && sessionVersion !== undefined && isKeyVersion(sessionVersion)
  return goes && isThere(sessionVersion) ? sessionVersion : 0
}

/** A session under the old keys; or, when an earlier run was cut after the card had taken the new ones, their version. */
async function openOld(
  transport: Transport,
  ports: CardPorts,
  input: PutKeysInput,
  before: readonly number[] | undefined,
): Promise<DomainSession | PutKeysResult> {
  try {
    return await input.openSession()
  } catch (error) {
    if (!(error instanceof SealwrightError)) throw error
    const gone = error.code === 'card-refused' && error.details['statusWord'] === '6A88'
    if (error.code !== 'card-keys-differ' && !gone) throw error
    const versions = input.newKeyVersion === undefined ? (before ?? [1]).filter(isKeyVersion) : []
    for (const version of versions) {
      await selectDomain(transport, input.aid)
      const checkValues = await opens(transport, ports, input, version)
      if (checkValues) return { outcome: 'there', keyVersion: version, checkValues }
    }
    if (gone) throw error
    throw new StateError(`neither the given keys nor the new ones open a session. ${error.message}`, {
      code: 'card-keys-differ',
      details: error.details,
    })
  }
}

/** Both forms of the key block are legal; a card that refuses one as bad data has changed nothing and gets the other. */
async function put(
  session: DomainSession,
  { crypto, progress }: CardPorts,
  keys: Scp03KeyBytes,
  keyVersion: number,
  p1: number,
): Promise<void> {
  const parts = [keys.enc, keys.mac, keys.dek].map((key) => ({
    length: key.length as AesKeyComponent['length'],
    wrapped: session.wrapKey(key),
    checkValue: withHandle(crypto.aes(key), kcvGlobalPlatform),
  }))
  const forms = parts.every(({ length }) => length % 16 === 0) ? [true, false] : [true]
  let sw = 0
  for (const innerLength of forms) {
    const components = parts.map((part) => ({ kind: 'aes', innerLength, ...part }) as const)
    const data = serializePutKeyData({ keyVersion, keys: components })
    // P2: the first key is number 1, and there are several.
    const answer = await session.exchange({ cla: 0x80, ins: 0xd8, p1, p2: 0x81, data })
    sw = answer.sw
    if (isProcessed(sw)) return requireAnswer(answer.data, keyVersion, parts, progress)
    if (sw !== 0x6a80 && sw !== 0x6700) break
  }
  throw refusedInSession(session.kind, 'PUT KEY', sw)
}

/** What a card answers must be the check values of the new keys. Some answer nothing; the session that follows proves two of the three. */
function requireAnswer(
  data: Uint8Array,
  keyVersion: number,
  parts: readonly { readonly checkValue: Uint8Array }[],
  progress: CardPorts['progress'],
): void {
  if (data.length === 0) {
    progress('the card did not answer check values: that it has the new DEK is not proven')
    return
  }
  const expected = serializePutKeyAnswer({
    keyVersion,
    checkValues: parts.map(({ checkValue }) => checkValue),
  })
  if (!equal(data, expected)) {
    throw new PeerError(
      `the card answered PUT KEY with ${encodeHex(data)}, which is not version and check values of the new keys (${encodeHex(expected)}); run this again: it asks the card which keys it has`,
    )
  }
}

/** Check values of the new keys when they open a session; undefined when the card has others of this version, or none. */
async function opens(
  transport: Transport,
  ports: CardPorts,
  { newKeys, s16 = false }: PutKeysInput,
  keyVersion: number,
): Promise<Uint8Array[] | undefined> {
  let checkValues: Uint8Array[] = []
  const keys: KeySource = (card) => {
    const made = newKeys(card)
    checkValues = checkValuesOf(made, ports)
    return made
  }
  try {
    const quiet = { ...ports, progress: () => {} }
    const session = await openScp03Session(transport, quiet, { keys, keyVersion, level: 'best', s16 })
    session.close()
    return checkValues
  } catch (error) {
    if (!(error instanceof SealwrightError)) throw error
    // A card without this version, with other keys of it, or with other lengths of key.
    if (error.code === 'card-keys-differ' || error.code === 'card-unsupported') return undefined
    if (error.code === 'card-refused' && error.details['statusWord'] === '6A88') return undefined
    throw error
  }
}

/**
 * What the new keys are diversified with. INITIALIZE UPDATE tells it without a MAC; where the session's answers have one, the data object
 * must agree, for keys of other data would be lost.
 */
async function diversificationDataOf(
  session: DomainSession,
  { diversified = false }: PutKeysInput,
): Promise<Uint8Array> {
  const told = session.diversificationData
  if (!diversified || (told && !session.answersProtected)) return told ?? new Uint8Array(0)
  const value = await readDataObject(session, dataTags['diversification-data'])
  const data = value && readable(() => parseDiversificationData(value))
  if (told && data && !equal(told, data)) {
    throw new PeerError(
      `the card told other diversification data in the clear (${encodeHex(told)}) than in the session (${encodeHex(data)})`,
    )
  }
  return told ?? data ?? new Uint8Array(0)
}

/** Versions of the SCP03 sets that the card lists. */
async function setVersions(transport: Transport): Promise<number[] | undefined> {
  const keys = await readKeys(plainLine(transport))
  return keys?.filter(({ keyId }) => keyId === 0x01).map(({ keyVersion }) => keyVersion)
}

function checkValuesOf({ enc, mac, dek }: Scp03KeyBytes, { crypto }: CardPorts): Uint8Array[] {
  return [enc, mac, dek].map((key) => withHandle(crypto.aes(key), kcvGlobalPlatform))
}

function requireVersion(version: number): void {
  if (isKeyVersion(version)) return
  throw new UsageError(
    version === factoryKeyVersion
      ? 'the version FF is the factory’s and cannot be put: choose 01 to 7F'
      : 'expected a new key version of 01 to 7F',
  )
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0')
}
