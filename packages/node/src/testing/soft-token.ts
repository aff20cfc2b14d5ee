import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StateError } from '@sealwright/core/errors'
import { hasBindings, listTokens, loadLibrary, serializePkcs11Uri } from '../pkcs11/index.ts'

/** A token of SoftHSM 2 in a folder of its own. */
export interface SoftToken {
  readonly label: string
  /** The user's PIN. */
  readonly pin: string
  /** Folder in which SoftHSM keeps its tokens, one folder each. */
  readonly tokens: string
  readonly modulePath: string
  /** pkcs11: address without an object. */
  readonly address: string
  /** What a process must have in its environment to see it. */
  readonly environment: { readonly SOFTHSM2_CONF: string }
}

/** Where SoftHSM's PKCS#11 module lies; undefined where it is not installed. */
export function softHsmModule(): string | undefined {
  return softHsmModules.find((path) => existsSync(path))
}

/** What the machine lacks for a token of SoftHSM; undefined where there is nothing to be missed. */
async function softTokenLack(): Promise<string | undefined> {
  if (softHsmModule() === undefined) return 'SoftHSM is not installed (apt-get install softhsm2)'
  if (!(await hasBindings())) return 'the package pkcs11js is not installed or was not built'
  return undefined
}

/**
 * The same, told on standard error too, where `npm test` finds it. A file of tests begins with
 *
 *   const missing = await tellWhyNoToken(import.meta.url)
 *   test('a token can be had here, or this is not CI', () => needToken(missing))
 *
 * and adds its other tests with a token if `missing` is undefined.
 */
export async function tellWhyNoToken(file: string): Promise<string | undefined> {
  const missing = await softTokenLack()
  if (missing !== undefined)
    process.stderr.write(`NOT RUN: ${relative(repository, fileURLToPath(file))}: ${missing}\n`)
  return missing
}

/** Fails where a token is missing but should not be: in CI, whose root installs SoftHSM. */
export function needToken(missing: string | undefined): void {
  assert.ok(missing === undefined || process.env['CI'] === undefined || process.getuid?.() !== 0, missing)
}

/**
 * Makes a token in a folder, which is made: its configuration, `softhsm2.conf`, and the token itself with the PINs of user and security officer.
 * Sets SOFTHSM2_CONF in this process, which the module reads when it is initialized; whoever calls sets it back.
 */
export async function makeSoftToken(
  folder: string,
  { label, pin, officerPin }: { readonly label: string; readonly pin: string; readonly officerPin: string },
): Promise<SoftToken> {
  const modulePath = softHsmModule()
  if (modulePath === undefined)
    throw new StateError('SoftHSM is not installed', { code: 'token-library-missing' })
  const tokens = join(folder, 'tokens')
  const configuration = join(folder, 'softhsm2.conf')
  mkdirSync(tokens, { recursive: true, mode: 0o700 })
  const lines = [`directories.tokendir = ${tokens}`, 'objectstore.backend = file', 'log.level = ERROR']
  writeFileSync(configuration, `${lines.join('\n')}\n`, { mode: 0o600 })
  process.env['SOFTHSM2_CONF'] = configuration
  const library = await loadLibrary(modulePath)
  try {
    const { calls } = library
    // SoftHSM shows one slot more than it has tokens, for the next one.
    const slot = calls.C_GetSlotList(true).at(-1)!
    calls.C_InitToken(slot, officerPin, label.padEnd(32))
    const made = calls.C_GetSlotList(true).find((one) => calls.C_GetTokenInfo(one).label.trim() === label)!
    const session = calls.C_OpenSession(made, rwSession)
    calls.C_Login(session, securityOfficer, officerPin)
    calls.C_InitPIN(session, pin)
    calls.C_Logout(session)
    calls.C_CloseSession(session)
  } finally {
    library.release()
  }
  const [state] = (await listTokens(modulePath)).filter(({ token }) => token === label)
  const address = serializePkcs11Uri({ token: label, serial: state!.serial, modulePath })
  return { label, pin, tokens, modulePath, address, environment: { SOFTHSM2_CONF: configuration } }
}

const softHsmModules = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib64/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
]
const rwSession = 0x06
const securityOfficer = 0
const repository = fileURLToPath(new URL('../../../..', import.meta.url))
