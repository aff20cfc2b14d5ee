import { existsSync } from 'node:fs'
import { StateError } from '@sealwright/core/errors'
import type * as pkcs11js from 'pkcs11js'
import { returnValue, tokenFailure } from './failures.ts'

/** A PKCS#11 module that is loaded and initialized; `release` when it is no longer needed. */
export interface Library {
  readonly path: string
  readonly calls: pkcs11js.PKCS11
  release(): void
}

/** Where PKCS#11 modules usually lie: what `doctor` looks for. */
export const usualModules = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so',
  '/usr/lib/aarch64-linux-gnu/opensc-pkcs11.so',
  '/usr/lib64/opensc-pkcs11.so',
]

/**
 * Loads a PKCS#11 module, once for all who use it in this thread.
 * StateError `token-library-missing` where pkcs11js or the module is not installed, or the module does not load.
 */
export async function loadLibrary(path: string): Promise<Library> {
  const package_ = await bindings()
  const known = loaded.get(path)
  const entry = known ?? load(package_, path)
  loaded.set(path, entry)
  entry.users++
  let released = false
  return {
    path,
    calls: entry.calls,
    release() {
      if (released) return
      released = true
      if (--entry.users > 0) return
      loaded.delete(path)
      // A thread that found the module initialized leaves it to the one who did that.
      if (entry.isOwner) entry.calls.C_Finalize()
      entry.calls.close()
    },
  }
}

/** Whether the package pkcs11js is installed and built here. */
export async function hasBindings(): Promise<boolean> {
  return bindings().then(
    () => true,
    () => false,
  )
}

interface Loaded {
  readonly calls: pkcs11js.PKCS11
  readonly isOwner: boolean
  users: number
}

function load({ PKCS11, CKF_OS_LOCKING_OK }: typeof pkcs11js, path: string): Loaded {
  if (!existsSync(path)) throw missing(`there is no PKCS#11 module ${path}`)
  const calls = new PKCS11()
  try {
    calls.load(path)
  } catch (cause) {
    throw missing(`${path} does not load as a PKCS#11 module`, cause)
  }
  try {
    calls.C_Initialize({ flags: CKF_OS_LOCKING_OK })
    return { calls, isOwner: true, users: 0 }
  } catch (error) {
    if (returnValue(error) === alreadyInitialized) return { calls, isOwner: false, users: 0 }
    calls.close()
    throw tokenFailure(error, `initializing ${path}`)
  }
}

async function bindings(): Promise<typeof pkcs11js> {
  try {
    const found = await import('pkcs11js')
    return found.default as unknown as typeof pkcs11js
  } catch (cause) {
    throw missing(
      'the package pkcs11js, which speaks to PKCS#11 modules, is not installed or was not built',
      cause,
    )
  }
}

function missing(text: string, cause?: unknown): StateError {
  return new StateError(text, { code: 'token-library-missing', cause })
}

const loaded = new Map<string, Loaded>()
const alreadyInitialized = 0x191
