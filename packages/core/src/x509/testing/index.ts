export { type TestOnlyPki, testOnlyPki, testOnlySerial } from './pki.ts'
