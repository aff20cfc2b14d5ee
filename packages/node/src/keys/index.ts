export { fileKeyVault, keptFileKeyVault } from './file-key-vault.ts'
export { keyFileEndings, parseKeyFile, serializeKeyFile } from './key-files.ts'
export { readPrivateKeyFile } from './private-key-file.ts'
