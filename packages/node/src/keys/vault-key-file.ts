import { crc32 } from 'node:zlib'
import { ascii, concat, equal, Reader, requireFormatVersion, u32, Writer, wipe } from '@sealwright/core/bytes'
import { formats } from '@sealwright/core/catalog'
import { DecodeError } from '@sealwright/core/errors'
import type { Crypto, Entropy } from '@sealwright/core/ports'
import {
  parseWrappedKey,
  type ScryptCost,
  serializeWrappedKey,
  unwrapKey,
  type WrappedKey,
  wrapKey,
} from '../medium/index.ts'
import type { KeySealer } from './sealed-key-file.ts'

/** "SWVK"(4) ‖ version(1) ‖ vault id(16) ‖ wrapped key(79) ‖ CRC-32 of what comes before(4). */
export interface VaultKeyFile {
  /** 16 random bytes: which vault it is. */
  readonly vaultId: Uint8Array
  readonly wrapped: WrappedKey
}

export function parseVaultKeyFile(bytes: Uint8Array): VaultKeyFile {
  const r = new Reader(bytes, 'vault key file')
  if (!equal(r.take(magic.length, 'magic'), magic)) throw r.fail('not a vault key file')
  requireFormatVersion('vault key file', r.u8('version'))
  const vaultId = r.take(16, 'vault id').slice()
  const start = bytes.subarray(0, Math.max(0, bytes.length - 4))
  if (!equal(bytes.subarray(start.length), u32(crc32(start)))) {
    throw new DecodeError('vault key file: its checksum does not hold: it was changed', {
      code: 'key-file-changed',
    })
  }
  const wrapped = parseWrappedKey(r)
  r.take(4, 'checksum')
  r.end()
  return { vaultId, wrapped }
}

export function serializeVaultKeyFile({ vaultId, wrapped }: VaultKeyFile): Uint8Array {
  const start = concat(head(vaultId), serializeWrappedKey(wrapped))
  return concat(start, u32(crc32(start)))
}

/** What making and opening a vault's key takes. */
export interface VaultWorld {
  readonly crypto: Crypto
  readonly entropy: Entropy
  /** Of a key that is put under a passphrase; a quarter of a second unless given. */
  readonly cost?: ScryptCost
}

/** A key for a new vault under a passphrase: its file, and the key, 32 bytes, which the caller wipes. */
export function makeVaultKey(
  world: VaultWorld,
  passphrase: Uint8Array,
): { readonly file: Uint8Array; readonly key: Uint8Array } {
  const [vaultId, key] = [world.entropy.bytes(16), world.entropy.bytes(32)]
  return { file: putUnder(world, { vaultId, key }, passphrase), key }
}

/** The file of a vault's key under another passphrase. */
export function rewrapVaultKey(
  world: VaultWorld,
  file: Uint8Array,
  passphrases: { readonly old: Uint8Array; readonly new: Uint8Array },
): Uint8Array {
  const key = openVaultKey(world.crypto, file, passphrases.old)
  try {
    return putUnder(world, { vaultId: parseVaultKeyFile(file).vaultId, key }, passphrases.new)
  } finally {
    wipe(key)
  }
}

/** The vault's key, 32 bytes, which the caller wipes. StateError `keys-passphrase-wrong` when the passphrase is another one. */
export function openVaultKey(crypto: Crypto, file: Uint8Array, passphrase: Uint8Array): Uint8Array {
  const { vaultId, wrapped } = parseVaultKeyFile(file)
  return unwrapKey(crypto, wrapped, passphrase, head(vaultId), {
    code: 'keys-passphrase-wrong',
    what: 'the keys',
  })
}

/** Seals under a vault's key. Disposed of, it seals and opens nothing more. */
export function vaultKeySealer(
  { crypto, entropy }: { readonly crypto: Crypto; readonly entropy: Entropy },
  key: Uint8Array,
): KeySealer & Disposable {
  const aes = crypto.aes(key)
  return {
    nonce: () => entropy.bytes(12),
    seal: async (nonce, plaintext, associated) => aes.gcmSeal(nonce, plaintext, associated),
    open: async (nonce, sealed, associated) => aes.gcmOpen(nonce, sealed, associated),
    [Symbol.dispose]: () => aes[Symbol.dispose](),
  }
}

function putUnder(
  world: VaultWorld,
  { vaultId, key }: { readonly vaultId: Uint8Array; readonly key: Uint8Array },
  passphrase: Uint8Array,
): Uint8Array {
  return serializeVaultKeyFile({
    vaultId,
    wrapped: wrapKey(world, key, passphrase, head(vaultId), world.cost),
  })
}

/** What comes before the wrapped key, and is bound to it. */
function head(vaultId: Uint8Array): Uint8Array {
  return new Writer().bytes(magic).u8(formats['vault key file'].newest).bytes(vaultId).finish()
}

const magic = ascii('SWVK')
