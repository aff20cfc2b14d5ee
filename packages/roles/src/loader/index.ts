export { type Exported, type ExportInput, exportKey } from './export-key.ts'
export { type Installed, type InstallInput, installTransportKey } from './install-transport-key.ts'
export { list } from './list.ts'
export { type MadeKey, makeKey } from './make-key.ts'
export { type MadeSet, type MakeSetInput, makeSet } from './make-set.ts'
export {
  exportFromVault,
  listVault,
  makeVaultKey,
  makeVaultSet,
  parseCounterFile,
  parseKeyFile,
  serializeCounterFile,
  serializeKeyFile,
  vaultLoaderLabel,
  verifyVaultReceipt,
} from './vault-loader.ts'
export { verifyReceipt } from './verify-receipt.ts'
