import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { requireFormatVersion } from '@sealwright/core/bytes'
import { DecodeError, UsageError } from '@sealwright/core/errors'
import type { Clock, Crypto, Entropy } from '@sealwright/core/ports'
import {
  type KeptVault,
  logSigningKey,
  type PartyName,
  type PartyPorts,
  parties,
} from '@sealwright/roles/ports'
import { nodeCrypto, nodeEntropy, systemClock } from '../crypto/index.ts'
import { onFile, readIfThere, removeDrafts, writeAtomically } from '../files/index.ts'
import { fileKeyVault, keptFileKeyVault } from '../keys/index.ts'
import { FileLock } from '../lock/index.ts'
import { fileStore } from '../store/index.ts'

/** A folder with one folder for each party that lives here. */
export interface Workspace {
  readonly folder: string
  /** The parties that have a folder here. */
  parties(): PartyName[]
}

export interface PartyWorld {
  /** What holds the lock, for whoever comes second. */
  readonly command: string
  readonly crypto?: Crypto
  readonly clock?: Clock
  readonly entropy?: Entropy
  readonly progress?: (text: string) => void
}

/** A party's ports under its lock; closing gives the lock back. */
export interface OpenParty extends Disposable {
  readonly ports: PartyPorts
  close(): void
}

/** Name of the file that makes a folder a workspace. */
export const workspaceFile = 'sealwright.json'

/**
 * Makes a workspace, or adds parties to one, each with its folders and its log-signing key. A party that is there already is a
 * UsageError `workspace-exists`, and nothing is made. What a run that broke off has begun, the next one completes.
 * @param lastly done before the folder counts as a workspace
 */
export async function initWorkspace(
  folder: string,
  world: PartyWorld,
  wanted: readonly PartyName[] = Object.keys(parties) as PartyName[],
  lastly: (workspace: Workspace) => Promise<void> = async () => {},
): Promise<Workspace> {
  const top = resolve(folder)
  const marker = join(top, workspaceFile)
  const isNew = !existsSync(marker)
  if (!isNew) openWorkspace(top)
  const taken = wanted.find((party) => existsSync(join(top, party)) && !isBegun(join(top, party), isNew))
  if (taken !== undefined) {
    throw new UsageError(`the workspace ${top} has a folder for the party ${taken} already`, {
      code: 'workspace-exists',
      details: { party: taken },
    })
  }
  onFile(top, () => mkdirSync(top, { recursive: true, mode: 0o700 }))
  const workspace = workspaceIn(top)
  for (const party of wanted) {
    onFile(top, () => mkdirSync(join(top, party), { recursive: true, mode: 0o700 }))
    const { ports, close } = openParty(workspace, party, world)
    try {
      const made = (await ports.vault.list()).some(({ name }) => name === logSigningKey)
      if (!made) await ports.vault.createPair(logSigningKey, party === 'log' ? 'ed25519' : 'p256')
    } finally {
      close()
    }
  }
  await lastly(workspace)
  if (isNew) writeAtomically(marker, new TextEncoder().encode(`${JSON.stringify({ format: 1 })}\n`), 0o644)
  return workspace
}

/** Whether a party's folder was left by an `initWorkspace` that broke off; one that holds anything else was not. */
function isBegun(folder: string, isNew: boolean): boolean {
  return onFile(folder, () => {
    const keys = join(folder, 'keys')
    const hasKey = existsSync(keys) && readdirSync(keys).some((name) => name.startsWith(`${logSigningKey}.`))
    return (isNew || !hasKey) && readdirSync(folder).every((name) => /^(keys|store|lock(\..+)?)$/.test(name))
  })
}

/** The workspace in this folder. */
export function openWorkspace(folder: string): Workspace {
  const top = resolve(folder)
  const bytes = readIfThere(join(top, workspaceFile))
  if (bytes === undefined) {
    throw new UsageError(`${top} is no workspace: it has no ${workspaceFile}`, { code: 'workspace-missing' })
  }
  checkFormat(bytes)
  return workspaceIn(top)
}

/** The workspace in `folder` or the nearest folder above it. */
export function findWorkspace(folder: string): Workspace {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, workspaceFile))) return openWorkspace(at)
    if (dirname(at) === at) break
  }
  throw new UsageError(`there is no workspace in ${resolve(folder)} or above it`, {
    code: 'workspace-missing',
  })
}

/** Opens one party's folder under its lock; no other party's folder is touched. */
export function openParty(workspace: Workspace, party: PartyName, world: PartyWorld): OpenParty {
  const folder = requireParty(workspace, party)
  const lock = FileLock.take(join(folder, 'lock'), world.command)
  if (lock.inherited) removeDrafts(folder)
  const ports = partyPorts(workspace, party, world)
  const close = (): void => lock.release()
  return { ports, close, [Symbol.dispose]: close }
}

/**
 * The same beside a process that has the party open: under a lock of its own, which only those take who write what nobody else of the party
 * writes.
 * @param work names the lock: letters and hyphens
 */
export function openPartyBeside(
  workspace: Workspace,
  party: PartyName,
  work: string,
  world: PartyWorld,
): OpenParty {
  const lock = FileLock.take(join(requireParty(workspace, party), `${work}.lock`), world.command)
  const ports = partyPorts(workspace, party, world)
  const close = (): void => lock.release()
  return { ports, close, [Symbol.dispose]: close }
}

/**
 * A party's ports for a thread of the process that holds its lock and works with many modules: its keys are read once and kept in memory until
 * they are told to be forgotten.
 */
export function workingPorts(
  workspace: Pick<Workspace, 'folder'>,
  party: PartyName,
  world: Omit<PartyWorld, 'command'> = {},
): PartyPorts & { readonly vault: KeptVault } {
  const ports = partyPorts(workspace, party, world)
  return { ...ports, vault: keptFileKeyVault(keysFolder(workspace, party), ports) }
}

function partyPorts(
  workspace: Pick<Workspace, 'folder'>,
  party: PartyName,
  world: Omit<PartyWorld, 'command'>,
): PartyPorts {
  const folder = requireParty(workspace, party)
  const { crypto = nodeCrypto, clock = systemClock, entropy = nodeEntropy, progress = () => {} } = world
  return {
    party,
    crypto,
    clock,
    entropy,
    store: fileStore(join(folder, 'store')),
    vault: fileKeyVault(keysFolder(workspace, party), { crypto, entropy }),
    progress,
  }
}

function keysFolder(workspace: Pick<Workspace, 'folder'>, party: PartyName): string {
  return join(workspace.folder, party, 'keys')
}

function requireParty(workspace: Pick<Workspace, 'folder'>, party: PartyName): string {
  const folder = join(workspace.folder, party)
  if (!existsSync(folder)) {
    throw new UsageError(`the party ${party} does not live in the workspace ${workspace.folder}`, {
      code: 'party-missing',
      details: { party },
    })
  }
  return folder
}

function workspaceIn(folder: string): Workspace {
  return {
    folder,
    parties: () => readdirSync(folder).filter((name): name is PartyName => Object.hasOwn(parties, name)),
  }
}

function checkFormat(bytes: Uint8Array): void {
  let format: unknown
  try {
    format = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)).format
  } catch (cause) {
    throw new DecodeError(`${workspaceFile}: expected JSON`, { cause })
  }
  if (!Number.isInteger(format)) throw new DecodeError(`${workspaceFile}: expected a format number`)
  requireFormatVersion('workspace', format as number)
}
