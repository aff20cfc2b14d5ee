import { join } from 'node:path'
import { encodeHex } from '@sealwright/core/bytes'
import type { Product } from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'
import { anchorOf, type Certificate } from '@sealwright/core/x509'
import { type Compile, ProgramCache } from '@sealwright/module/programs'
import { outbox } from '@sealwright/roles/custody'
import {
  type CustomizeInput,
  completeLotChip,
  customizeLotChip,
  finishLotChip,
  type LotChipDone,
  type LotJob,
  lotImageDigests,
  lotIndices,
  lotRoot,
  useLot,
} from '@sealwright/roles/issuer'
import { certifyPresent, root as manufacturerRoot } from '@sealwright/roles/manufacturer'
import type { ChipClaim, PartyPorts } from '@sealwright/roles/ports'
import { drawnAhead, nodeCrypto, nodeEntropy } from '../crypto/index.ts'
import { readIfThere, writeUnnamed } from '../files/index.ts'
import type { ModuleFileOptions } from '../transport/index.ts'
import { workingPorts } from '../workspace/index.ts'
import { powerChip } from './powered-chip.ts'

/** What is done to each chip, told in values that go to other processes. */
export type LotTask = CustomizeTask | FinishTask | CompleteTask

interface CommonTask {
  /** Folder of the workspace in which the issuer lives; this process holds his lock. */
  readonly workspace: string
  readonly lot: string
  /** Folder of the chip files. */
  readonly chips: string
  /** How they are opened. */
  readonly open: Pick<ModuleFileOptions, 'command' | 'keys'>
}

export interface CustomizeTask extends CommonTask, Omit<CustomizeInput, 'mask' | 'signatureKey'> {
  readonly kind: 'customize'
  readonly product: Product
  /** Folder of the papers. */
  readonly papers: string
}

export interface FinishTask extends CommonTask {
  readonly kind: 'finish'
}

/** For an issuer whose manufacturer lives in the same workspace. */
export interface CompleteTask extends CommonTask, Omit<CustomizeTask, 'kind'> {
  readonly kind: 'complete'
}

export type Claim = (claim: ChipClaim) => Promise<string | undefined>

/** Gets ready for many chips, and does the task with one after the other. */
export async function lotWork(task: LotTask): Promise<(job: LotJob, claim: Claim) => Promise<LotChipDone>> {
  const { workspace, lot, chips, open } = task
  const ports = await withoutLookingTwice(
    workingPorts({ folder: workspace }, 'issuer', { entropy: drawnAhead(nodeEntropy) }),
  )
  const programs = new ProgramCache(nodeCrypto)
  const compile: Compile = (bytes) => programs.compiled(bytes)
  const imageDigest = await lotImageDigests(ports, lot)
  const anchor = (root: Certificate) =>
    anchorOf(root, { at: ports.clock.now(), insecureAcceptTest: root.test }, ports.crypto)
  const desk = (chip: string, claim: Claim) => ({
    chip,
    claim,
    power: async () => powerChip(join(chips, chip), { ...open, compile, entropy: ports.entropy }),
  })
  if (task.kind === 'finish') {
    const root = anchor(await lotRoot(ports, lot))
    return ({ chip, row, certificate }, claim) => {
      if (row === undefined) throw new StateError(`the chip ${chip} was not customized`)
      const given = certificate === undefined ? {} : { certificate }
      return finishLotChip(ports, desk(chip, claim), { lot, imageDigest, root, row, ...given })
    }
  }
  const givePapers = async (serial: Uint8Array, papers: Uint8Array) =>
    writePapers(task.papers, serial, papers)
  const input = { ...task, imageDigest, givePapers }
  if (task.kind === 'complete') {
    const manufacturer = workingPorts({ folder: workspace }, 'manufacturer', { entropy: ports.entropy })
    const issuer = await manufacturerRoot(manufacturer)
    const root = anchor(issuer)
    const indices = await useLot(ports, lot, lotIndices)
    return ({ chip, certificate }, claim) =>
      completeLotChip(ports, desk(chip, claim), {
        ...input,
        root,
        indices,
        certify: (request) => certifyPresent(manufacturer, issuer, request, certificate),
      })
  }
  return ({ chip }, claim) => customizeLotChip(ports, desk(chip, claim), input)
}

/** Ports whose store is not asked for entries that nobody queued: while the issuer is held, only this run queues any. */
async function withoutLookingTwice<Ports extends PartyPorts>(ports: Ports): Promise<Ports> {
  const { store } = ports
  const queued = new Set(await store.list(outbox))
  const read = async (name: string) =>
    name.startsWith(outbox) && !queued.has(name) ? undefined : store.read(name)
  return { ...ports, store: { ...store, read } }
}

/**
 * Writes the papers of a module into a folder, readable by their owner only. Other papers of the same module are never replaced. A loss of power
 * may take them before the folder is synced: a later run makes them again.
 */
export function writePapers(folder: string, serial: Uint8Array, papers: Uint8Array): void {
  const path = papersPath(folder, serial)
  const there = readIfThere(path)
  if (there === undefined) {
    writeUnnamed(path, papers)
    return
  }
  const same = encodeHex(there) === encodeHex(papers)
  there.fill(0)
  if (!same) throw new StateError(`${path} is there already, with other content`, { code: 'file-exists' })
}

/** Where the papers of a module lie in a folder. */
export function papersPath(folder: string, serial: Uint8Array): string {
  return join(folder, `${encodeHex(serial)}.papers`)
}
