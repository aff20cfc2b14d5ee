export { fileKeyVault, keptFileKeyVault } from './file-key-vault.ts'
export { keyFileEndings, parseKeyFile, serializeKeyFile } from './key-files.ts'
export { lazyVault } from './lazy-vault.ts'
export {
  type AskKeysSecret,
  type KeysSecretRequest,
  keysFolder,
  openKeys,
  type PartyKeys,
  readVaultPlace,
  vaultPlacePath,
} from './open-keys.ts'
export {
  changePassphrase,
  makePassphraseVault,
  type OpenVault,
  openPassphraseVault,
  protectKeyFiles,
} from './passphrase-key-vault.ts'
export { readPrivateKeyFile } from './private-key-file.ts'
export { parseSealedKeyFile, serializeSealedKeyFile } from './sealed-key-file.ts'
export { parseVaultKeyFile, serializeVaultKeyFile } from './vault-key-file.ts'
export {
  decodeVaultPlace,
  encodeVaultPlace,
  parseVaultPlace,
  serializeVaultPlace,
  type VaultPlace,
} from './vault-place.ts'
