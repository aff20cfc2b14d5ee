import { encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { certificateIds, type EventType, eventTypeOf } from '@sealwright/core/catalog'
import {
  type ChipStatus,
  type IdentityRequest,
  lotDocumentKey,
  parseChipStatus,
  serializeModulePapers,
} from '@sealwright/core/customization'
import { errorTable, InternalError, SealwrightError, StateError } from '@sealwright/core/errors'
import { chainStart, nextLink } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import type { Anchor, Certificate } from '@sealwright/core/x509'
import { type Channel, plain } from '../channel/index.ts'
import { outbox, readData, readEvents, recordEvent } from '../custody/index.ts'
import {
  type ChipClaim,
  type PartyPorts,
  type PoweredChip,
  type StagedWrites,
  stagedStore,
} from '../ports/index.ts'
import { type CustomizeInput, customizeChip } from './customize.ts'
import { finishChip, finishIn, requireCertificate } from './finish.ts'
import type { LotDigest, LotOutcome, LotRow } from './lot-row.ts'
import { requireIndex, useLot } from './lots.ts'
import { unlockChip } from './unlock.ts'

/** A chip of a lot, on the desk of whoever works on it. */
export interface LotChip {
  /** Its name among those that came together. */
  readonly chip: string
  power(): Promise<PoweredChip>
  /** Asks whether the chip may be worked on: undefined, or why not. */
  claim(claim: ChipClaim): Promise<string | undefined>
}

/** What became of it: the row for the book, and the signed entries for the log. */
export interface LotChipDone {
  readonly row: LotRow
  readonly documents: readonly Uint8Array[]
  /** The identity certificate of a chip that is done, DER, where this step made or found it. */
  readonly certificate?: Uint8Array
}

export interface CustomizeLotInput extends Omit<CustomizeInput, 'mask'> {
  /** Name of the lot. */
  readonly lot: string
  /** SHA-256 of the encrypted image of an index. */
  imageDigest(index: number): Uint8Array
  /** Hands the papers over, before the chip has the key that stands in them. Wiped after. */
  givePapers(serial: Uint8Array, papers: Uint8Array): Promise<void>
}

export interface FinishLotInput {
  readonly lot: string
  imageDigest(index: number): Uint8Array
  /** The row that customization left, or a finish that failed. */
  readonly row: LotRow
  /** The identity certificate, DER; absent for products of identical modules. */
  readonly certificate?: Uint8Array
  /** The manufacturer's root of the lot. */
  readonly root: Certificate | Anchor
}

/**
 * Unlocks and customizes one chip of a lot. Done again after it was broken off anywhere it leaves the same chip, and what is missing in the
 * records is told by the chip itself. Whatever is wrong with the chip stands in the row; only what is wrong here is thrown.
 */
export function customizeLotChip(
  ports: PartyPorts,
  desk: LotChip,
  input: CustomizeLotInput,
): Promise<LotChipDone> {
  const { lot, imageDigest, givePapers, ...product } = input
  return onChip(ports, desk, input, { since: 1, done: 'customized' }, async (own, transport) => {
    await unlockChip(own, plain(transport), lot)
    const { serial, papers, identityRequest } = await customizeChip(own, transport, { ...product, mask: lot })
    try {
      await givePapers(serial, papers)
    } finally {
      wipe(papers)
    }
    return {
      product: input.product.name,
      ...(identityRequest === undefined ? {} : { request: identityRequest }),
    }
  })
}

/** Finishes one chip of a lot, irreversibly. As above for what is done again and for what goes wrong. */
export function finishLotChip(ports: PartyPorts, desk: LotChip, input: FinishLotInput): Promise<LotChipDone> {
  const { lot, certificate, root, row } = input
  const { reason: _, ...before } = row
  return onChip(
    ports,
    desk,
    input,
    { since: row.events ?? 1, done: 'finished', before },
    async (own, transport, { mode }) => {
      const form = await useLot(ports, lot, (file) => file.form)
      // Power was lost since it was customized, and with it the customization software.
      if (form === 'ram' && mode === 'customization') await unlockChip(own, plain(transport), lot)
      await finishChip(own, transport, {
        mask: lot,
        root,
        ...(certificate === undefined ? {} : { certificate }),
      })
      return {}
    },
  )
}

export interface CompleteLotInput extends CustomizeLotInput {
  /** The manufacturer's root, which the certificate must come from. */
  readonly root: Certificate | Anchor
  /** The images of the lot. */
  readonly indices: readonly number[]
  /** The certificate of an identity request, DER, from a manufacturer who is at hand. */
  certify(request: IdentityRequest): Promise<Uint8Array>
}

/**
 * Takes one chip of a lot from its order to user mode while it stays under power: its file is replaced once. When power is lost before, the chip is
 * as it was, and its certificate is nowhere; one that fails on the way is left as far as it came, and is taken up again. Whoever kept no record
 * of a chip that is done learns it from the chip.
 */
export function completeLotChip(
  ports: PartyPorts,
  desk: LotChip,
  input: CompleteLotInput,
): Promise<LotChipDone> {
  const { lot, imageDigest, givePapers, root, indices, certify, ...product } = input
  const phase: Phase = { since: 1, done: 'finished', indices }
  return onChip(ports, desk, input, phase, async (own, transport, { serial, mode }) => {
    const papers = { lot, serial: serial!, product: input.product.name, givePapers }
    if (mode === 'user') {
      await renewPapers(own, papers)
      const certificate = await readData(plain(transport), certificateIds.identity.tag)
      if (certificate !== undefined) requireCertificate(own, root, serial!, certificate)
      return { product: input.product.name, ...(certificate === undefined ? {} : { certificate }) }
    }
    await unlockChip(own, plain(transport), lot)
    let certificate: Uint8Array | undefined
    const made = await customizeChip(own, transport, { ...product, mask: lot }, async (channel, request) => {
      await renewPapers(own, papers)
      if (request !== undefined) {
        certificate = await certify(request)
        requireCertificate(own, root, request.serial, certificate)
      }
      await finishIn(channel, certificate)
    })
    wipe(made.papers)
    const { identityRequest: request } = made
    return {
      product: input.product.name,
      ...(request === undefined ? {} : { request }),
      ...(certificate === undefined ? {} : { certificate }),
    }
  })
}

/** Gives the papers of a module, whose document key comes from the secret of its lot, to whoever keeps them. */
export async function renewPapers(
  ports: PartyPorts,
  {
    lot,
    serial,
    product,
    givePapers,
  }: Pick<CustomizeLotInput, 'lot' | 'givePapers'> & {
    readonly serial: Uint8Array
    readonly product: string
  },
): Promise<void> {
  await useLot(ports, lot, async ({ lot: id, secret }) => {
    const documentKey = lotDocumentKey(ports.crypto, secret, { lot: id, serial })
    const papers = serializeModulePapers({ version: 1, serial, product, documentKey })
    try {
      await givePapers(serial, papers)
    } finally {
      wipe(documentKey, papers)
    }
  })
}

interface Phase {
  /** Number of the last event that is recorded. */
  readonly since: number
  /** The outcome when all goes well. */
  readonly done: LotOutcome
  /** What was known of the chip before. */
  readonly before?: Partial<LotRow>
  /** The images of the lot, where a chip in user mode may be one whose record was lost. */
  readonly indices?: readonly number[]
}

interface Worked extends Pick<LotRow, 'product' | 'request'> {
  /** The identity certificate, DER. */
  readonly certificate?: Uint8Array
}

async function onChip(
  ports: PartyPorts,
  { chip, power, claim }: LotChip,
  { lot, imageDigest }: Pick<CustomizeLotInput, 'lot' | 'imageDigest'>,
  { since, done, before = {}, indices }: Phase,
  work: (own: PartyPorts, transport: Transport, status: ChipStatus) => Promise<Worked>,
): Promise<LotChipDone> {
  const { store, writes } = stagedStore(ports.store)
  const own: PartyPorts = { ...ports, store, progress: () => {} }
  let known: Partial<LotRow> = before
  let powered: PoweredChip | undefined
  try {
    powered = await power()
    const { transport } = powered
    const channel = plain(transport)
    const status = parseChipStatus(await channel.send('CHIP STATUS'))
    if (before.serial !== undefined && !equal(before.serial, status.serial ?? new Uint8Array(0))) {
      throw new StateError(
        `another chip is here by its name: expected the serial number ${encodeHex(before.serial)}`,
      )
    }
    known = { ...before, ...statusOf(status, before) }
    if (status.serial === undefined)
      throw new StateError('the chip has no serial number yet: it is not mounted')
    // After FINISH there is no image any more that could tell.
    if (status.imageIv !== undefined || status.mode !== 'user') {
      const index = await useLot(ports, lot, (file) => requireIndex(lot, file, status.imageIv))
      const image = imageDigest(index)
      known = { ...known, index, digests: { ...known.digests, image } }
      const refusal = await claim({ chip, serial: status.serial, index, blank: status.mode === 'issuer' })
      if (refusal !== undefined) throw new StateError(refusal)
    }
    const scrap = status.mode === 'issuer' && status.triesLeft === 0
    if (scrap) return { row: rowOf(chip, 'discarded', known, 'scrap: its tries are used up'), documents: [] }
    if (status.mode === 'user' && known.index === undefined && indices !== undefined) {
      const index = await indexOfFinished(own, channel, { status, imageDigest, indices })
      known = { ...known, index, digests: { ...known.digests, image: imageDigest(index) } }
      const refusal = await claim({ chip, serial: status.serial, index, blank: false })
      if (refusal !== undefined) throw new StateError(refusal)
    }
    const { certificate, ...found } = await work(own, transport, status)
    known = { ...known, ...found }
    const told = await tell(own, channel, { status, since, known })
    const { triesLeft } = parseChipStatus(await channel.send('CHIP STATUS'))
    await powered.save()
    const digests = { ...known.digests, ...told.digests }
    const row = { ...rowOf(chip, done, { ...known, triesLeft }), events: told.last, digests }
    return { row, documents: entriesIn(writes), ...(certificate === undefined ? {} : { certificate }) }
  } catch (error) {
    const outcome = outcomeOf(error)
    if (outcome === undefined) throw error
    // A try that was counted stays counted, and is told.
    await powered?.save()
    const triesLeft = await triesLeftNow(powered)
    const now = triesLeft === undefined ? known : { ...known, triesLeft }
    return { row: rowOf(chip, outcome, now, (error as SealwrightError).message), documents: [] }
  } finally {
    await powered?.close()
  }
}

/** Which image a chip in user mode was made with: the one that its event chain begins with. */
async function indexOfFinished(
  { crypto }: PartyPorts,
  channel: Channel,
  {
    status: { romDigest, serial },
    imageDigest,
    indices,
  }: { readonly status: ChipStatus } & Pick<CompleteLotInput, 'imageDigest' | 'indices'>,
): Promise<number> {
  const [first] = await readEvents(channel, 1)
  if (first?.number === 1 && serial !== undefined) {
    const { number, type, digest } = first
    const index = indices.find((one) => {
      const previous = chainStart(crypto, romDigest, imageDigest(one))
      return equal(nextLink(crypto, { previous, serial, number, type, digest }), first.chain)
    })
    if (index !== undefined) return index
  }
  throw new StateError('the chip was finished elsewhere: it was made with no image of this lot', {
    code: 'wrong-lot',
  })
}

/** Undefined: the chip does not say. */
async function triesLeftNow(powered: PoweredChip | undefined): Promise<number | undefined> {
  try {
    return powered && parseChipStatus(await plain(powered.transport).send('CHIP STATUS')).triesLeft
  } catch (error) {
    if (error instanceof SealwrightError) return undefined
    throw error
  }
}

function entriesIn(writes: StagedWrites): Uint8Array[] {
  return [...writes].filter(([name]) => name.startsWith(outbox)).map(([, bytes]) => bytes)
}

function statusOf(
  { serial, triesLeft, romDigest }: ChipStatus,
  { digests }: Partial<LotRow>,
): Partial<LotRow> {
  return {
    ...(serial === undefined ? {} : { serial }),
    triesLeft,
    digests: { ...digests, rom: romDigest },
  }
}

function rowOf(chip: string, outcome: LotOutcome, known: Partial<LotRow>, reason?: string): LotRow {
  return { digests: {}, ...known, chip, outcome, ...(reason === undefined ? {} : { reason }) }
}

/**
 * Records what the chip tells of itself since an event, and takes its digests from it. The chain must hold, and must begin with the ROM and the
 * image that the issuer ordered and the serial number that the chip tells.
 */
async function tell(
  ports: PartyPorts,
  channel: Channel,
  {
    status: { romDigest, serial },
    since,
    known,
  }: { readonly status: ChipStatus; readonly since: number; readonly known: Partial<LotRow> },
): Promise<{ readonly last: number; readonly digests: LotRow['digests'] }> {
  const { crypto } = ports
  const digests: Partial<Record<LotDigest, Uint8Array>> = {}
  const image = known.digests?.image
  if (serial === undefined || image === undefined)
    throw new InternalError('a chip without serial number or image')
  let previous = chainStart(crypto, romDigest, image)
  let last = 0
  for (const { number, type, digest, chain } of await readEvents(channel, 1)) {
    const event = { previous, serial, number, type, digest }
    if (number !== last + 1 || !equal(nextLink(crypto, event), chain)) {
      throw new StateError(
        number === 1
          ? 'the chip was not made with the image that its lot has for it: its event chain begins otherwise'
          : `the event chain of the chip does not hold at event ${number}`,
      )
    }
    const name = eventTypeOf(type)
    if (name !== undefined && number > since && issuerEvents.has(name)) {
      await recordEvent(
        ports,
        event,
        name === 'unlocked' || known.product === undefined ? {} : { product: known.product },
      )
    }
    for (const [key, from] of Object.entries(digestEvents))
      if (name === from) digests[key as LotDigest] = digest
    previous = chain
    last = number
  }
  return { last, digests }
}

/** Why a chip was not done, as its outcome; undefined: it is no matter of this chip. */
function outcomeOf(error: unknown): LotOutcome | undefined {
  if (!(error instanceof SealwrightError)) return undefined
  if (isDefect(error)) return 'discarded'
  if (stopping.has(error.code) || errorTable[error.code].culprit === 'us') return undefined
  if (error.code === 'usage' || error.code === 'key-missing') return undefined
  return error instanceof StateError && error.code !== 'memory-held' ? 'refused' : 'failed'
}

/** The chip's memory is not what it should be: it does not come up, or says so itself; or its tries are used up. */
function isDefect({ code }: SealwrightError): boolean {
  return (
    code === 'module-memory-failure' || (code.startsWith('memory-') && errorTable[code].culprit === 'bytes')
  )
}

/** The disk, not the chip: the next one would fare no better. */
const stopping: ReadonlySet<string> = new Set(['memory-unwritable', 'file-inaccessible'])

/** The issuer's own events until user mode. */
const issuerEvents: ReadonlySet<EventType> = new Set([
  'unlocked',
  'identity-made',
  'customization-key-stored',
  'identity-certified',
  'finished',
])

const digestEvents = {
  identity: 'identity-made',
  certificate: 'identity-certified',
  vectors: 'finished',
} as const satisfies Partial<Record<LotDigest, EventType>>
