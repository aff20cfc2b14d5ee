import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { requireFormatVersion, wipe } from '@sealwright/core/bytes'
import { DecodeError, StateError, UsageError } from '@sealwright/core/errors'
import type { Clock, Crypto, Entropy } from '@sealwright/core/ports'
import {
  type KeptVault,
  type KeyVault,
  logSigningKey,
  type PartyName,
  type PartyPorts,
  parties,
} from '@sealwright/roles/ports'
import { nodeCrypto, nodeEntropy, systemClock } from '../crypto/index.ts'
import { onFile, readIfThere, removeDrafts, writeAtomically } from '../files/index.ts'
import {
  type AskKeysSecret,
  changePassphrase,
  keptFileKeyVault,
  keysFolder,
  lazyVault,
  openKeys,
  type PartyKeys,
  protectKeyFiles,
  readVaultPlace,
  serializeVaultPlace,
  type VaultPlace,
  vaultPlacePath,
} from '../keys/index.ts'
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
  /** Asks for PIN or passphrase where the party's keys take one. */
  readonly secret?: AskKeysSecret
}

/** A party's ports under its lock; closing gives the lock back. */
export interface OpenParty extends Disposable {
  readonly ports: PartyPorts
  readonly vaultPlace: VaultPlace
  close(): void
}

/** Name of the file that makes a folder a workspace. */
export const workspaceFile = 'sealwright.json'

/**
 * Makes a workspace, or adds parties to one, each with its folders and its log-signing key. A party that is there already is a
 * UsageError `workspace-exists`, and nothing is made. What a run that broke off has begun, the next one completes.
 * @param lastly done before the folder counts as a workspace
 * @param vaultPlace where the keys of all of them are to lie; it is opened before anything is made
 */
export async function initWorkspace(
  folder: string,
  world: PartyWorld,
  wanted: readonly PartyName[] = Object.keys(parties) as PartyName[],
  lastly: (workspace: Workspace) => Promise<void> = async () => {},
  vaultPlace: VaultPlace = { place: 'file' },
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
  const workspace = workspaceIn(top)
  for (const party of wanted) {
    const folder = join(top, party)
    const keys = await openKeys(folder, party, vaultPlace, withDefaults(world), true)
    const { ports, close } = beginParty(workspace, party, world, keys)
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
    return (
      (isNew || !hasKey) &&
      readdirSync(folder).every((name) => /^(keys|store|vault\.json|lock(\..+)?)$/.test(name))
    )
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

/** Opens one party's folder under its lock; no other party's folder is touched. Its keys are opened when the first one is used. */
export function openParty(workspace: Workspace, party: PartyName, world: PartyWorld): OpenParty {
  const folder = requireParty(workspace, party)
  return openUnder(takeLock(folder, world.command), folder, party, world)
}

function openUnder(lock: FileLock, folder: string, party: PartyName, world: PartyWorld): OpenParty {
  try {
    const vaultPlace = readVaultPlace(folder)
    let keys: PartyKeys | undefined
    const vault = lazyVault(vaultPlace.place, async () => {
      keys = await openKeys(folder, party, vaultPlace, withDefaults(world))
      return keys.vault
    })
    return openPartyOf(partyPorts(folder, party, world, vault), vaultPlace, lock, () => keys?.close())
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * Puts the keys of a party, which lie in bare files, under a passphrase; returns how many. Undefined, and nothing is done, where they are under one.
 * UsageError for keys in a token.
 */
export async function protectKeys(
  workspace: Workspace,
  party: PartyName,
  passphrase: Uint8Array,
  world: PartyWorld,
): Promise<number | undefined> {
  const folder = requireParty(workspace, party)
  const lock = takeLock(folder, world.command)
  try {
    const { place } = readVaultPlace(folder)
    if (place === 'passphrase') return undefined
    if (place === 'pkcs11')
      throw new UsageError(`the keys of ${party} lie in a token: they need no passphrase`)
    return await protectKeyFiles(keysFolder(folder), passphrase, withDefaults(world), () =>
      writeAtomically(vaultPlacePath(folder), serializeVaultPlace({ place: 'passphrase' })),
    )
  } finally {
    lock.release()
  }
}

/** Gives the keys of a party, which are under a passphrase, another one; `world.secret` is asked for the present one. */
export async function changeKeysPassphrase(
  workspace: Workspace,
  party: PartyName,
  passphrase: Uint8Array,
  world: PartyWorld & Required<Pick<PartyWorld, 'secret'>>,
): Promise<void> {
  const folder = requireParty(workspace, party)
  const lock = takeLock(folder, world.command)
  try {
    const keys = keysFolder(folder)
    const old = await world.secret({ party, kind: 'passphrase', of: keys, isNew: false })
    try {
      changePassphrase(keys, { old, new: passphrase }, withDefaults(world))
    } finally {
      wipe(old)
    }
  } finally {
    lock.release()
  }
}

/** Makes a party's folder for keys that are open already, which are closed with it. */
function beginParty(workspace: Workspace, party: PartyName, world: PartyWorld, keys: PartyKeys): OpenParty {
  const folder = join(workspace.folder, party)
  try {
    onFile(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
    const lock = takeLock(folder, world.command)
    try {
      if (keys.place.place !== 'file')
        writeAtomically(vaultPlacePath(folder), serializeVaultPlace(keys.place), 0o600)
      return openPartyOf(partyPorts(folder, party, world, keys.vault), keys.place, lock, () => keys.close())
    } catch (error) {
      lock.release()
      throw error
    }
  } catch (error) {
    keys.close()
    throw error
  }
}

function takeLock(folder: string, command: string): FileLock {
  const lock = FileLock.take(join(folder, 'lock'), command)
  if (lock.inherited) removeDrafts(folder)
  return lock
}

function openPartyOf(
  ports: PartyPorts,
  vaultPlace: VaultPlace,
  lock: FileLock,
  closeKeys: () => void,
): OpenParty {
  const close = (): void => {
    try {
      closeKeys()
    } finally {
      lock.release()
    }
  }
  return { ports, vaultPlace, close, [Symbol.dispose]: close }
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
  const folder = requireParty(workspace, party)
  const lock = FileLock.take(join(folder, `${work}.lock`), world.command)
  return openUnder(lock, folder, party, world)
}

/**
 * A party's ports for the process that holds its lock, or one that works for it, and has many modules: its keys are read once and kept in memory until
 * they are told to be forgotten. Only for keys in bare files: others are opened by one thread alone (StateError `vault-single`).
 */
export function workingPorts(
  workspace: Pick<Workspace, 'folder'>,
  party: PartyName,
  world: Omit<PartyWorld, 'command' | 'secret'> = {},
): PartyPorts & { readonly vault: KeptVault } {
  const folder = requireParty(workspace, party)
  const { place } = readVaultPlace(folder)
  if (place !== 'file') {
    throw new StateError(
      `the keys of ${party} lie in another place than bare files (${place}): several threads cannot open it`,
      {
        code: 'vault-single',
      },
    )
  }
  const { crypto, entropy } = withDefaults(world)
  const vault = keptFileKeyVault(keysFolder(folder), { crypto, entropy })
  return { ...partyPorts(folder, party, world, vault), vault }
}

function partyPorts(
  folder: string,
  party: PartyName,
  world: Omit<PartyWorld, 'command'>,
  vault: KeyVault,
): PartyPorts {
  const { crypto, clock, entropy, progress } = withDefaults(world)
  return { party, crypto, clock, entropy, store: fileStore(join(folder, 'store')), vault, progress }
}

function withDefaults(world: Omit<PartyWorld, 'command'>) {
  const {
    crypto = nodeCrypto,
    clock = systemClock,
    entropy = nodeEntropy,
    progress = () => {},
    secret,
  } = world
  return { crypto, clock, entropy, progress, secret }
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
