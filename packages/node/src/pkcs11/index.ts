export { hasBindings, loadLibrary, usualModules } from './library.ts'
export { type AskPin, isMeant, listTokens, type OpenToken, openToken, type TokenState } from './token.ts'
export { tokenKeyVault } from './token-key-vault.ts'
export { type Pkcs11Uri, parsePkcs11Uri, serializePkcs11Uri } from './uri.ts'
