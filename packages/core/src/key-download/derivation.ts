import { ascii, concat, u32, wipe } from '../bytes/index.ts'
import { labels } from '../catalog/index.ts'
import { deriveKey, diversifyWith, withHandle } from '../crypto/index.ts'
import type { AesKey, Crypto } from '../ports/index.ts'
import type { Header } from './header.ts'

/** What every derived key, check and receipt is bound to: R(16) ‖ XCTR(4) ‖ SN(8) ‖ REF1(4) ‖ REF2(4). */
export interface DownloadContext extends Pick<Header, 'serial' | 'source' | 'destination' | 'counter'> {
  /** R, 16 bytes. */
  readonly random: Uint8Array
}

/** K_E, K_M and K_A of one download, as handles. */
export interface DownloadKeys extends Disposable {
  readonly encryption: AesKey
  readonly check: AesKey
  readonly acknowledgement: AesKey
}

/** TU = AN10922(T, SN ‖ "ESM-TU01"): what a module holds in profile `diversified`. The caller wipes it. */
export function unitTransportKey(transportKey: AesKey, serial: Uint8Array): Uint8Array {
  return diversifyWith(transportKey, derivationInput('unitTransportKey', serial))
}

/** KS1 = AN10922(KS, SN ‖ "ESM-SAS1"): checks SAS in one module. The caller wipes it. */
export function unitSignatureKey(signatureKey: AesKey, serial: Uint8Array): Uint8Array {
  return diversifyWith(signatureKey, derivationInput('unitSignatureKey', serial))
}

/** TA' = AN10922(TA, SN ‖ "ESM-TAK1"): an application key that no two modules share (A11). The caller wipes it. */
export function unitApplicationKey(applicationKey: AesKey, serial: Uint8Array): Uint8Array {
  return diversifyWith(applicationKey, derivationInput('unitApplicationKey', serial))
}

/**
 * T1 = AN10922(stored key, SN ‖ "ESM-KDL1") and the three keys of one download from it (SP 800-108, CMAC, labels KDL-ENC, KDL-MAC,
 * KDL-ACK). T1 lives in this function only: it is wiped as soon as the three keys stand, on every path (A3).
 * @param storedKey T in profile `shared`, TU in profile `diversified`
 */
export function downloadKeys(crypto: Crypto, storedKey: AesKey, context: DownloadContext): DownloadKeys {
  return downloadKeysOf(
    crypto,
    diversifyWith(storedKey, derivationInput('operationKey', context.serial)),
    context,
  )
}

/** The three keys of one download from T1, which is wiped, as soon as they stand, on every path (A3). */
export function downloadKeysOf(
  crypto: Crypto,
  operationKey: Uint8Array,
  context: DownloadContext,
): DownloadKeys {
  try {
    return withHandle(crypto.aes(operationKey), (t1) => derivedKeys(crypto, t1, context, operationKey.length))
  } finally {
    wipe(operationKey)
  }
}

/** What AN10922 takes for one module: SN ‖ label, 16 bytes. */
export function derivationInput(
  label: 'unitTransportKey' | 'operationKey' | 'unitSignatureKey' | 'unitApplicationKey',
  serial: Uint8Array,
): Uint8Array {
  return concat(serial, ascii(labels[label].text))
}

function derivedKeys(crypto: Crypto, t1: AesKey, context: DownloadContext, length: number): DownloadKeys {
  const bytes = serializeContext(context)
  const made: AesKey[] = []
  const disposeAll = (): void => {
    for (const key of made) key[Symbol.dispose]()
  }
  const derive = (label: string): AesKey => {
    const bytesOfKey = deriveKey(t1, label, bytes, length)
    try {
      const key = crypto.aes(bytesOfKey)
      made.push(key)
      return key
    } finally {
      wipe(bytesOfKey)
    }
  }
  try {
    return {
      encryption: derive(labels.downloadEncryption.text),
      check: derive(labels.downloadCheck.text),
      acknowledgement: derive(labels.downloadAcknowledgement.text),
      [Symbol.dispose]: disposeAll,
    }
  } catch (error) {
    disposeAll()
    throw error
  }
}

export function serializeContext({
  random,
  counter,
  serial,
  source,
  destination,
}: DownloadContext): Uint8Array {
  return concat(random, u32(counter), serial, u32(source), u32(destination))
}
