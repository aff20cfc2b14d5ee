import { concat } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import {
  type CaKind,
  type DomainData,
  dataTags,
  isCaKeyIdentifier,
  isKeyVersion,
  type KeyInformationEntry,
  type KeyReference,
  type OceCertificate,
  parseCertificateBundle,
  parsePutKeyAnswer,
  serializeCertificateRequest,
  serializeDomainData,
  serializePutKeyData,
  serializeStoreDataForm,
  splitStoreData,
} from '@sealwright/core/globalplatform'
import { type CardLine, isProcessed, readDataObject } from './card.ts'
import type { DomainSession } from './session.ts'
import { refusedInSession } from './status-words.ts'

/** The chain of one of the card's keys, leaf last; undefined where the card has none. */
export async function readCertificates(
  line: CardLine,
  key: KeyReference,
): Promise<OceCertificate[] | undefined> {
  const value = await readDataObject(line, dataTags.certificates, serializeCertificateRequest(key))
  return value && parseCertificateBundle(value)
}

/** Gives one of the card's keys a chain, leaf last; one that is there is replaced. */
export async function storeCertificates(
  session: DomainSession,
  key: KeyReference,
  chain: readonly OceCertificate[],
): Promise<void> {
  if (chain.length === 0) throw new UsageError('expected a chain of at least one certificate')
  const certificates = concat(...chain.map(({ encoded }) => encoded))
  await storeData(session, { kind: 'certificates', key, certificates })
}

export interface AuthorityInput {
  /** Identifier 10 or 20 to 2F, version 01 to 7F. */
  readonly key: KeyReference
  readonly publicPoint: Uint8Array
  /** By which hosts name it: the subject key identifier of its certificate. */
  readonly identifier: Uint8Array
  /** `kloc` unless given. */
  readonly kind?: CaKind
  /** What the card listed before the session was opened: whether this key is there. */
  readonly listedKeys?: readonly KeyInformationEntry[] | undefined
}

/** Has the card take certificates of this authority: its key, then the name of the key. Run again, it replaces both. */
export async function trustAuthority(session: DomainSession, input: AuthorityInput): Promise<void> {
  const { key, publicPoint, identifier, kind = 'kloc' } = input
  if (!isCaKeyIdentifier(key.keyId))
    throw new UsageError("an authority's key has the identifier 10 or 20 to 2F")
  await putPublicKey(session, key, publicPoint, input.listedKeys)
  await storeData(session, { kind: 'ca-identifier', ca: kind, identifier, key })
}

/** Only certificates with these serial numbers pass below the authority's key; an empty list lifts the limit. */
export function limitToSerialNumbers(
  session: DomainSession,
  key: KeyReference,
  serialNumbers: readonly Uint8Array[],
): Promise<void> {
  return storeData(session, { kind: 'allow-list', key, serialNumbers })
}

async function putPublicKey(
  session: DomainSession,
  key: KeyReference,
  point: Uint8Array,
  listedKeys: AuthorityInput['listedKeys'],
): Promise<void> {
  const { keyId, keyVersion } = key
  if (!isKeyVersion(keyVersion)) throw new UsageError('expected a key version of 01 to 7F')
  const there = (listedKeys ?? []).some((one) => one.keyId === keyId && one.keyVersion === keyVersion)
  const data = serializePutKeyData({ keyVersion, keys: [{ kind: 'ec-public', curve: 'P-256', point }] })
  const answer = await session.send('PUT KEY', {
    cla: 0x80,
    ins: 0xd8,
    p1: there ? keyVersion : 0,
    p2: keyId,
    data,
  })
  parsePutKeyAnswer(answer)
}

/** STORE DATA of one object, in numbered blocks; cards that want it whole get it by command chaining. */
export async function storeData(session: DomainSession, data: DomainData): Promise<void> {
  const bytes = serializeDomainData(data)
  const form = { encryption: 'none', structure: 'tlv', answer: false } as const
  const blocks = splitStoreData(bytes, blockLength)
  for (const { last, number, data: part } of blocks) {
    const p1 = serializeStoreDataForm({ ...form, last })
    const { sw } = await session.exchange({ cla: 0x80, ins: 0xe2, p1, p2: number, data: part })
    if (isProcessed(sw)) continue
    if (number > 0 || last) throw refusedInSession(session.kind, 'STORE DATA', sw)
    await session.send('STORE DATA', {
      cla: 0x80,
      ins: 0xe2,
      p1: serializeStoreDataForm({ ...form, last: true }),
      data: bytes,
    })
    return
  }
}

/** What a short command holds besides padding and the longest MAC: 255 - 16 down to whole blocks, less one byte of padding. */
const blockLength = 223
