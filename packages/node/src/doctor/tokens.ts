import { existsSync } from 'node:fs'
import { SealwrightError } from '@sealwright/core/errors'
import type { PartyName } from '@sealwright/roles/ports'
import { encodeVaultPlace, type VaultPlace } from '../keys/index.ts'
import { hasBindings, isMeant, listTokens, type TokenState, usualModules } from '../pkcs11/index.ts'
import type { Finding } from './finding.ts'

/** Where the keys of a party lie that lives here. */
export interface PartyPlace {
  readonly party: PartyName
  readonly place: VaultPlace
}

/**
 * The PKCS#11 modules of this machine and their tokens, and whether the tokens are there in which parties keep their keys. Nothing of it is needed by
 * parties whose keys lie in files.
 * @param wanted a module that is named by hand
 */
export async function tokenFindings(
  parties: readonly PartyPlace[],
  wanted: string | undefined,
): Promise<Finding[]> {
  const ofParties = parties.flatMap(({ place }) => (place.place === 'pkcs11' ? [place.uri.modulePath!] : []))
  const named = [...new Set([...(wanted === undefined ? [] : [wanted]), ...ofParties])]
  const found = [...named, ...usualModules.filter((path) => !named.includes(path) && existsSync(path))]
  const binding = await bindingFinding(ofParties.length > 0)
  if (binding.state !== 'ok') return [binding]
  const findings: Finding[] = [binding]
  const shown = new Map<string, readonly TokenState[]>()
  for (const path of found) {
    const { finding, tokens } = await moduleFinding(path, named.includes(path))
    findings.push(finding)
    shown.set(path, tokens)
  }
  if (found.length === 0) findings.push(noModule)
  for (const { party, place } of parties) {
    if (place.place === 'pkcs11') {
      findings.push(partyFinding(party, place, shown.get(place.uri.modulePath!) ?? []))
    }
  }
  return findings
}

async function bindingFinding(isNeeded: boolean): Promise<Finding> {
  const about = {
    name: 'pkcs11js',
    why: 'it speaks to PKCS#11 modules, through which HSMs and tokens are reached',
  }
  if (await hasBindings()) return { ...about, state: 'ok', what: 'pkcs11js is there', next: '' }
  return {
    ...about,
    state: isNeeded ? 'missing' : 'absent',
    what: 'pkcs11js is not installed, or was not built',
    next: 'install a C++ compiler, make and python3, then run `npm ci` again',
  }
}

async function moduleFinding(
  path: string,
  isNamed: boolean,
): Promise<{ finding: Finding; tokens: readonly TokenState[] }> {
  const about = {
    name: 'pkcs11-module',
    why: 'through it a party may keep its keys in a token: `sealwright init --keys`',
  }
  try {
    const tokens = (await listTokens(path)).filter(({ token, isReady }) => isReady || token !== '')
    const what = `${path} shows ${tokens.map(inWords).join(', ') || 'no token that is set up'}`
    return { finding: { ...about, state: 'ok', what, next: '' }, tokens }
  } catch (error) {
    if (!(error instanceof SealwrightError)) throw error
    const state = isNamed ? 'missing' : 'unknown'
    const next = 'see to that, then run the doctor again'
    return { finding: { ...about, state, what: `${path}: ${error.message}`, next }, tokens: [] }
  }
}

const noModule: Finding = {
  name: 'pkcs11-module',
  state: 'absent',
  what: 'no PKCS#11 module lies where they usually do',
  why: 'through one a party may keep its keys in an HSM or token: `sealwright init --keys`',
  next: 'install the one of your token, or SoftHSM to try: apt-get install softhsm2; another place: --pkcs11-module FILE',
}

function partyFinding(
  party: PartyName,
  place: Extract<VaultPlace, { place: 'pkcs11' }>,
  tokens: readonly TokenState[],
): Finding {
  const about = {
    name: `keys-${party}`,
    why: `the keys of ${party} lie in ${encodeVaultPlace(place)}: without it ${party} signs nothing`,
  }
  const token = tokens.find((one) => isMeant(place.uri, one))
  if (token === undefined) {
    return {
      ...about,
      state: 'missing',
      what: `the token of ${party} is not there`,
      next: 'connect the token',
    }
  }
  if (token.tries === 'locked') {
    const next = "unlock it with the token's own program and the PIN of its security officer"
    return { ...about, state: 'fault', what: `the PIN of the token of ${party} is locked`, next }
  }
  return { ...about, state: 'ok', what: `the token of ${party} is there: ${inWords(token)}`, next: '' }
}

function inWords({ token, serial, isReady, tries }: TokenState): string {
  const told = {
    locked: ', PIN locked',
    last: ', one try of its PIN left',
    few: ', few tries of its PIN left',
    untold: '',
  }
  return `${token} (serial ${serial}${isReady ? '' : ', no PIN yet'}${told[tries]})`
}
