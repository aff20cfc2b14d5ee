import { wipe } from '@sealwright/core/bytes'
import { StateError, UsageError } from '@sealwright/core/errors'
import type { PKCS11 } from 'pkcs11js'
import { onToken, returnValue, tokenFailure } from './failures.ts'
import { type Library, loadLibrary } from './library.ts'
import type { Pkcs11Uri } from './uri.ts'

/** What a token says of itself; texts without their padding. */
export interface TokenState {
  readonly token: string
  readonly manufacturer: string
  readonly model: string
  readonly serial: string
  /** It was initialized, and has a user's PIN. */
  readonly isReady: boolean
  /** What it tells of the tries that are left for the user's PIN; PKCS#11 has no number for them. */
  readonly tries: 'locked' | 'last' | 'few' | 'untold'
}

/** Asks for the user's PIN of a token; the bytes are wiped after. */
export type AskPin = (token: TokenState) => Promise<Uint8Array>

/** A token with a session in which the user is logged in. */
export interface OpenToken {
  readonly state: TokenState
  readonly calls: PKCS11
  readonly session: Buffer
  /** One after the other: what a session begins (`C_SignInit`) another caller must not end. */
  inTurn<T>(doing: string, work: () => T | Promise<T>): Promise<T>
  /** StateError `token-unsuitable` naming what the token lacks of these mechanisms (CKM numbers by name). */
  requireMechanisms(wanted: Readonly<Record<string, number>>): void
  /** StateError `token-removed` when it is gone: what it does not find then is not to be taken for missing. */
  requirePresent(): void
  close(): void
}

/**
 * Opens the one token that the address names, and logs the user in. A wrong PIN is tried once, never again by itself.
 * StateError `token-library-missing`, `token-missing`, `token-unready`, `token-pin-wrong`, `token-pin-locked`, `token-removed`.
 */
export async function openToken(uri: Pkcs11Uri, askPin: AskPin): Promise<OpenToken> {
  if (uri.modulePath === undefined) {
    throw new UsageError('the pkcs11: address names no PKCS#11 module: add ?module-path=FILE')
  }
  const library = await loadLibrary(uri.modulePath)
  try {
    const { slot, info, state } = await onToken('looking for the token', () => chosen(library, uri))
    const session = await onToken(`opening the token ${state.token}`, () =>
      library.calls.C_OpenSession(slot, serialSession | readWriteSession),
    )
    try {
      if ((info & loginRequired) !== 0) await logIn(library.calls, { slot, session, info, state }, askPin)
    } catch (error) {
      closeSession(library.calls, session)
      throw error
    }
    return opened(library, { slot, session, state })
  } catch (error) {
    library.release()
    throw error
  }
}

/** The tokens that a PKCS#11 module shows at present. */
export async function listTokens(modulePath: string): Promise<TokenState[]> {
  const library = await loadLibrary(modulePath)
  try {
    return await onToken('listing tokens', () => tokens(library.calls).map(({ state }) => state))
  } finally {
    library.release()
  }
}

/** Whether the address means this token. */
export function isMeant(uri: Pkcs11Uri, { token, manufacturer, model, serial }: TokenState): boolean {
  const same = (wanted: string | undefined, found: string): boolean =>
    wanted === undefined || wanted === found
  return (
    same(uri.token, token) &&
    same(uri.manufacturer, manufacturer) &&
    same(uri.model, model) &&
    same(uri.serial, serial)
  )
}

function opened(
  library: Library,
  { slot, session, state }: { readonly slot: Buffer; readonly session: Buffer; readonly state: TokenState },
): OpenToken {
  const { calls } = library
  const requirePresent = (): void => {
    if (look(calls, slot)?.state.serial === state.serial) return
    throw new StateError(`the token ${state.token} is gone`, { code: 'token-removed' })
  }
  let last: Promise<unknown> = Promise.resolve()
  let isClosed = false
  return {
    state,
    calls,
    session,
    requirePresent,
    requireMechanisms(wanted) {
      const here = new Set(calls.C_GetMechanismList(slot))
      const lacking = Object.keys(wanted).filter((name) => !here.has(wanted[name]!))
      if (lacking.length === 0) return
      throw new StateError(`the token ${state.token} lacks ${lacking.join(', ')}`, {
        code: 'token-unsuitable',
      })
    },
    inTurn(doing, work) {
      const next = last.then(() => {
        if (isClosed) throw new StateError(`${doing}: the token was closed`, { code: 'token-removed' })
        return onToken(doing, work).catch((error: unknown) => {
          // Some modules have no word of their own for a token that is gone.
          if (error instanceof StateError && error.code === 'token-failed') requirePresent()
          throw error
        })
      })
      last = next.catch(() => {})
      return next
    },
    close() {
      if (isClosed) return
      isClosed = true
      closeSession(calls, session)
      library.release()
    },
  }
}

interface FoundToken {
  readonly slot: Buffer
  /** CK_FLAGS of the token. */
  readonly info: number
  readonly state: TokenState
}

function chosen({ calls, path }: Library, uri: Pkcs11Uri): FoundToken {
  const all = tokens(calls).filter(({ info }) => (info & tokenInitialized) !== 0)
  const [found, ...more] = all.filter(({ state }) => isMeant(uri, state))
  const names = (list: readonly FoundToken[]): string =>
    list.map(({ state }) => `${state.token} (serial ${state.serial})`).join(', ') || 'none'
  if (found === undefined) {
    throw new StateError(`${path} shows no token of that name; it shows: ${names(all)}`, {
      code: 'token-missing',
    })
  }
  if (more.length > 0) {
    throw new UsageError(
      `several tokens are meant, name the serial number of one: ${names([found, ...more])}`,
    )
  }
  return found
}

function tokens(calls: PKCS11): FoundToken[] {
  return calls.C_GetSlotList(true).flatMap((slot) => {
    const found = look(calls, slot)
    return found === undefined ? [] : [found]
  })
}

function look(calls: PKCS11, slot: Buffer): FoundToken | undefined {
  try {
    const { flags: info, label, manufacturerID, model, serialNumber } = calls.C_GetTokenInfo(slot)
    const state: TokenState = {
      token: unpadded(label),
      manufacturer: unpadded(manufacturerID),
      model: unpadded(model),
      serial: unpadded(serialNumber),
      isReady: (info & tokenInitialized) !== 0 && (info & userPinInitialized) !== 0,
      tries:
        (info & userPinLocked) !== 0
          ? 'locked'
          : (info & userPinFinalTry) !== 0
            ? 'last'
            : (info & userPinCountLow) !== 0
              ? 'few'
              : 'untold',
    }
    return { slot, info, state }
  } catch (error) {
    // A token that goes away while we look is one that is not there.
    if (returnValue(error) !== undefined) return undefined
    throw error
  }
}

async function logIn(
  calls: PKCS11,
  { slot, session, info, state }: FoundToken & { readonly session: Buffer },
  askPin: AskPin,
): Promise<void> {
  if (!state.isReady) {
    throw new StateError(`the token ${state.token} has no user's PIN yet`, { code: 'token-unready' })
  }
  if (state.tries === 'locked') {
    throw new StateError(`the PIN of the token ${state.token} is locked`, { code: 'token-pin-locked' })
  }
  const ownPad = (info & protectedAuthenticationPath) !== 0
  const pin = ownPad ? undefined : await askPin(state)
  try {
    // The binding takes a string, which stays in the heap until it is collected (SECURITY, 6).
    if (pin === undefined) calls.C_Login(session, user)
    else calls.C_Login(session, user, new TextDecoder().decode(pin))
  } catch (error) {
    const code = returnValue(error)
    if (code === alreadyLoggedIn) return
    const failure = tokenFailure(error, `logging in to the token ${state.token}`)
    if (code !== pinIncorrect || !(failure instanceof StateError)) throw failure
    const tries = look(calls, slot)?.state.tries ?? 'untold'
    throw new StateError(`${failure.message}; ${triesText[tries]}`, {
      code: tries === 'locked' ? 'token-pin-locked' : failure.code,
      details: { ...failure.details, tries },
      cause: error,
    })
  } finally {
    wipe(pin)
  }
}

const triesText: Readonly<Record<TokenState['tries'], string>> = {
  locked: 'the PIN is locked now',
  last: 'one try is left before it locks',
  few: 'the token says that few tries are left',
  untold: 'the token does not tell how many tries are left',
}

function closeSession(calls: PKCS11, session: Buffer): void {
  try {
    calls.C_CloseSession(session)
  } catch (error) {
    // A token that is gone has closed it.
    if (returnValue(error) === undefined) throw error
  }
}

/** PKCS#11 pads with blanks; some modules with zeros. */
function unpadded(text: string): string {
  return text.replace(/[\0 ]+$/, '')
}

const serialSession = 0x04
const readWriteSession = 0x02
const user = 1
const loginRequired = 0x04
const userPinInitialized = 0x08
const protectedAuthenticationPath = 0x100
const tokenInitialized = 0x400
const userPinCountLow = 0x1_0000
const userPinFinalTry = 0x2_0000
const userPinLocked = 0x4_0000
const pinIncorrect = 0xa0
const alreadyLoggedIn = 0x100
