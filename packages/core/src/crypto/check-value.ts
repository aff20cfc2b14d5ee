import type { AesKey } from '../ports/index.ts'

/** Check value by CMAC over a block of zeros, 5 bytes (ANSI X9.24-1; X9.143 KC algorithm 01). */
export function kcvCmac(key: AesKey): Uint8Array {
  return key.cmac(new Uint8Array(16)).slice(0, 5)
}

/** Check value by ECB over a block of zeros, 3 bytes (PKCS#11 CKA_CHECK_VALUE, X9.143 KC algorithm 00). */
export function kcvLegacy(key: AesKey): Uint8Array {
  return key.encryptBlock(new Uint8Array(16)).slice(0, 3)
}

/** Check value by ECB over a block of bytes 01, 3 bytes (GlobalPlatform Amendment D, 7.2.2). */
export function kcvGlobalPlatform(key: AesKey): Uint8Array {
  return key.encryptBlock(new Uint8Array(16).fill(1)).slice(0, 3)
}
