export { KeyStore, keyTypes } from './key-store.ts'
