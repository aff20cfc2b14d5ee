import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { wipe } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import type { PartyName } from '@sealwright/roles/ports'
import { readIfThere, readWhole } from '../files/index.ts'
import { openToken, type TokenState, tokenKeyVault } from '../pkcs11/index.ts'
import { fileKeyVault } from './file-key-vault.ts'
import { makePassphraseVault, type OpenVault, openPassphraseVault } from './passphrase-key-vault.ts'
import { parseVaultPlace, type VaultPlace } from './vault-place.ts'

/** Asks for the PIN or passphrase of a party's keys. The caller wipes the result. */
export type AskKeysSecret = (request: KeysSecretRequest) => Promise<Uint8Array>

export interface KeysSecretRequest {
  readonly party: PartyName
  readonly kind: 'PIN' | 'passphrase'
  /** What is opened with it, for people: the token, or the folder. */
  readonly of: string
  /** A new one is chosen: asked for twice. */
  readonly isNew: boolean
}

export interface KeysWorld {
  readonly crypto: Crypto
  readonly entropy: Entropy
  readonly secret?: AskKeysSecret | undefined
}

/** A party's vault, with where its keys lie. */
export interface PartyKeys extends OpenVault {
  readonly place: VaultPlace
}

/** Where a party's keys lie, as its folder says. */
export function readVaultPlace(partyFolder: string): VaultPlace {
  const bytes = readIfThere(vaultPlacePath(partyFolder))
  return bytes === undefined ? { place: 'file' } : parseVaultPlace(bytes)
}

export function vaultPlacePath(partyFolder: string): string {
  return join(partyFolder, 'vault.json')
}

export function keysFolder(partyFolder: string): string {
  return join(partyFolder, 'keys')
}

/**
 * Opens a party's keys where they lie: asks for PIN or passphrase where that takes one, and logs in. Nothing is written, but an empty vault under a
 * new passphrase where `isNew` says that there is none yet.
 * @param place with the address completed by what the token says of itself, as it is to be kept
 */
export async function openKeys(
  partyFolder: string,
  party: PartyName,
  place: VaultPlace,
  world: KeysWorld,
  isNew = false,
): Promise<PartyKeys> {
  const folder = keysFolder(partyFolder)
  if (place.place === 'file') return { place, vault: fileKeyVault(folder, world), close: () => {} }
  if (place.place === 'passphrase') {
    const make = isNew && !existsSync(folder)
    const passphrase = await secretFor(world, { party, kind: 'passphrase', of: folder, isNew: make })
    try {
      const open = make ? makePassphraseVault : openPassphraseVault
      return { place, ...(await open(folder, passphrase, world)) }
    } finally {
      wipe(passphrase)
    }
  }
  const { uri } = place
  const token = await openToken(uri, (state) => pinFor(state, uri.pinSource, party, world))
  const { object: prefix = party } = uri
  const { token: label, manufacturer, model, serial } = token.state
  return {
    place: { place: 'pkcs11', uri: { ...uri, token: label, manufacturer, model, serial, object: prefix } },
    vault: tokenKeyVault(token, { prefix, folder }, world),
    close: () => token.close(),
  }
}

async function pinFor(
  state: TokenState,
  pinSource: string | undefined,
  party: PartyName,
  world: KeysWorld,
): Promise<Uint8Array> {
  if (pinSource !== undefined) return firstLine(readWhole(pinSource.replace(/^file:/, '')))
  const last = state.tries === 'last' ? ', ONE try left' : state.tries === 'few' ? ', few tries left' : ''
  return secretFor(world, { party, kind: 'PIN', of: `token ${state.token}${last}`, isNew: false })
}

async function secretFor({ secret }: KeysWorld, request: KeysSecretRequest): Promise<Uint8Array> {
  if (secret !== undefined) return secret(request)
  throw new StateError(`the ${request.kind} of ${request.of} is needed for the keys of ${request.party}`, {
    code: 'keys-secret-missing',
  })
}

function firstLine(bytes: Uint8Array): Uint8Array {
  const end = bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d)
  const line = end < 0 ? bytes.slice() : bytes.slice(0, end)
  wipe(bytes)
  return line
}
