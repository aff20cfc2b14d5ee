import { equal } from '@sealwright/core/bytes'
import { scp03Parameter } from '@sealwright/core/channel/scp03'
import { DecodeError } from '@sealwright/core/errors'
import {
  applicationStates,
  hasPrivilege,
  type InstallForExtradition,
  type InstallForInstall,
  type InstallForLoad,
  type InstallForPersonalization,
  type InstallForRegistryUpdate,
  lockedBit,
  type Privilege,
  type Privileges,
  parseDomainParameters,
  parseInstallParameters,
  parseInstallPurpose,
  parseInstallRequest,
  parsePrivileges,
  privilegesOf,
  serializeConfirmation,
  serializePrivileges,
} from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import {
  issuerDomain,
  type RegistryEntry,
  securityDomainLoadFile,
  securityDomainModule,
} from '../registry/index.ts'
import {
  type ContentParts,
  carryOutToken,
  domainParameter,
  longestLoadFile,
  moduleOf,
  recordContent,
  requireFreeAid,
  requireManager,
  requireOwnContent,
} from '../security-domain/index.ts'

type Needs = ContentParts & Pick<Parts, 'pendingContent'>

/** INSTALL (GlobalPlatform 2.3.1, 11.5). A token is a document of an operator and carries it out; only so a resource is reached. Answers 00. */
export function install(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  if (p2 !== 0) throw new Refusal('wrong-parameters')
  const request = parseInstallRequest(purposeOf(p1), data)
  if (request.purpose !== 'load') parts.pendingContent.forget()
  switch (request.purpose) {
    case 'load':
      forLoad(parts, request)
      return Uint8Array.of(0)
    case 'install':
    case 'make-selectable':
    case 'install-and-make-selectable':
      return forInstall(parts, request)
    case 'extradition':
      forExtradition(parts, request)
      return Uint8Array.of(0)
    case 'personalization':
      forPersonalization(parts, request)
      return Uint8Array.of(0)
    case 'registry-update':
      return forRegistryUpdate(parts, request)
  }
}

function purposeOf(p1: number): ReturnType<typeof parseInstallPurpose> {
  try {
    return parseInstallPurpose(p1)
  } catch (error) {
    if (error instanceof DecodeError) throw new Refusal('wrong-parameters')
    throw error
  }
}

function forLoad(parts: Needs, { loadFile, securityDomain, hash, parameters, token }: InstallForLoad): void {
  const { registry, pendingContent } = parts
  requireManager(parts)
  refuseToken(token)
  // One byte more makes the AID of its module.
  if (loadFile.length > 15) throw new Refusal('wrong-data')
  requireFreeAid(parts, loadFile)
  requireFreeAid(parts, moduleOf(loadFile))
  if (hash.length !== 0 && hash.length !== 32) throw new Refusal('wrong-data')
  parseInstallParameters(parameters)
  const domain = securityDomain === undefined ? registry.selected : domainOf(parts, securityDomain)
  pendingContent.beginLoad({ aid: loadFile, domain, hash }, longestLoadFile)
}

function forInstall(parts: Needs, request: InstallForInstall): Uint8Array {
  const { definitions } = parts
  const { instance, token, purpose } = request
  if (token.length > 0) {
    const resource = definitions.named(instance)
    return serializeConfirmation(
      carryOutToken(parts, token, (document) =>
        purpose === 'make-selectable'
          ? document.type === 'release' && document.resource === resource?.id
          : document.type === 'reservation' && equal(document.aid, instance),
      ),
    )
  }
  requireManager(parts)
  requireOwnContent(parts, instance)
  if (purpose === 'make-selectable') makeSelectable(parts, request)
  else makeInstance(parts, request)
  return Uint8Array.of(0)
}

function makeSelectable(parts: Needs, { instance: aid, privileges }: InstallForInstall): void {
  const { registry, nvm } = parts
  const entry = registry.byAid(aid)
  if (entry === undefined || entry.form === 'load-file') throw new Refusal('reference-not-found')
  requireBelow(parts, entry)
  // Privileges are given at installation; to leave new ones out silently would be a promise that is not kept.
  const has = parsePrivileges(entry.privileges)
  if (privileges?.names.some((name) => !hasPrivilege(has, name))) throw new Refusal('function-not-supported')
  if (entry.state !== applicationStates.installed.code) throw new Refusal('conditions-not-satisfied')
  nvm.transaction((tx) => {
    registry.put(tx, { ...entry, state: applicationStates.selectable.code })
    recordContent(parts, tx, aid, applicationStates.selectable.code)
  })
}

function makeInstance(
  parts: Needs,
  { loadFile, module, instance, privileges, purpose, ...rest }: InstallForInstall,
): void {
  const { registry, nvm, objects } = parts
  requireFreeAid(parts, instance)
  const isDomain = loadFile !== undefined && equal(loadFile, securityDomainLoadFile)
  const file = loadFile === undefined || isDomain ? undefined : registry.byAid(loadFile)
  if (!isDomain && file?.form !== 'load-file') throw new Refusal('reference-not-found')
  const expected = isDomain ? securityDomainModule : file?.module
  if (module === undefined || expected === undefined || !equal(module, expected)) {
    throw new Refusal('reference-not-found')
  }
  const granted = grantable(parts, privileges, isDomain)
  const { quotas, applicationSpecific } = parseInstallParameters(rest.parameters)
  if (isDomain) requireProtocols(applicationSpecific)
  const dataSize = quotas.nonVolatile ?? quotas.reservedNonVolatile ?? 0
  if (!isDomain && dataSize > longestData) throw new Refusal('no-space')
  const state = purpose === 'install' ? applicationStates.installed.code : applicationStates.selectable.code
  nvm.transaction((tx) => {
    const number = registry.freeNumber()
    registry.put(tx, {
      ...{ number, form: isDomain ? 'domain' : 'application', aid: instance, state, privileges: granted },
      ...{ domain: registry.selected, loadFile: loadFile!, module },
    })
    if (!isDomain) objects.put(tx, 'application-data', number, new Uint8Array(dataSize))
    recordContent(parts, tx, instance, state)
  })
}

/** A security domain that asks for a protocol (C9, tag 81) gets that or none. Who may extradite what is decided by who stands above. */
function requireProtocols(parameters: Uint8Array | undefined): void {
  const { protocols } = parseDomainParameters(parameters ?? new Uint8Array(0))
  const known = ({ protocol, parameter }: (typeof protocols)[number]) =>
    protocol === 0x11 || (protocol === 0x03 && (parameter & ~scp03Parameter.s16) === domainParameter)
  if (!protocols.every(known)) throw new Refusal('function-not-supported')
}

function forExtradition(parts: Needs, { securityDomain, application, token }: InstallForExtradition): void {
  const { registry, nvm } = parts
  requireManager(parts)
  requireOwnContent(parts, application)
  refuseToken(token)
  const entry = registry.byAid(application)
  if (entry === undefined) throw new Refusal('reference-not-found')
  requireBelow(parts, entry)
  const domain = domainOf(parts, securityDomain)
  const to = registry.find(domain)!
  // A domain cannot be its own ancestor.
  if (domain === entry.number || registry.isBelow(to, entry.number))
    throw new Refusal('conditions-not-satisfied')
  nvm.transaction((tx) => {
    registry.put(tx, { ...entry, domain })
    recordContent(parts, tx, application, entry.state)
  })
}

function forPersonalization(parts: Needs, { application }: InstallForPersonalization): void {
  const { registry, pendingContent } = parts
  requireOwnContent(parts, application)
  const entry = registry.byAid(application)
  if (entry === undefined || entry.form === 'load-file') throw new Refusal('reference-not-found')
  // Only the domain that it belongs to vouches for what an application is told (GlobalPlatform 2.3.1, 7.3.3).
  if (entry.number !== registry.selected && entry.domain !== registry.selected) {
    throw new Refusal('conditions-not-satisfied')
  }
  requireUnlocked(entry)
  pendingContent.personalized = entry.number
}

/** Only with an operator's document, which blocks or releases a resource; privileges are given at installation. */
function forRegistryUpdate(parts: Needs, { application, token }: InstallForRegistryUpdate): Uint8Array {
  const resource = application && parts.definitions.named(application)
  if (token.length === 0)
    throw new Refusal(resource === undefined ? 'function-not-supported' : 'security-not-satisfied')
  return serializeConfirmation(
    carryOutToken(
      parts,
      token,
      (document) =>
        (document.type === 'block' || document.type === 'release') && document.resource === resource?.id,
    ),
  )
}

/** Three bytes of privileges, if this module has them all. */
function grantable(parts: Needs, privileges: Privileges | undefined, isDomain: boolean): Uint8Array {
  const all = privileges ?? privilegesOf()
  if (hasPrivilege(all, 'security-domain') !== isDomain) throw new Refusal('wrong-data')
  const allowed: readonly Privilege[] = isDomain ? domainPrivileges : []
  if (!all.names.every((name) => allowed.includes(name))) throw new Refusal('function-not-supported')
  // More than its own nobody gives away.
  const { selected } = parts.registry
  if (selected !== issuerDomain && all.names.some((name) => name !== 'security-domain')) {
    throw new Refusal('conditions-not-satisfied')
  }
  return serializePrivileges({ length: 3, names: all.names })
}

const domainPrivileges: readonly Privilege[] = ['security-domain', 'authorized-management', 'card-lock']

/** Number of a security domain that content may be given to: the selected one or one below it. */
function domainOf(parts: Needs, aid: Uint8Array): number {
  const { registry } = parts
  const entry = registry.byAid(aid)
  if (entry?.form !== 'domain') throw new Refusal('reference-not-found')
  if (entry.number !== registry.selected) requireBelow(parts, entry)
  requireUnlocked(entry)
  return entry.number
}

/** What is locked gets nothing new. The issuer's state is the card's, which has its own rules. */
function requireUnlocked({ number, state }: RegistryEntry): void {
  if (number !== issuerDomain && (state & lockedBit) !== 0) throw new Refusal('conditions-not-satisfied')
}

function requireBelow({ registry }: Needs, entry: RegistryEntry): void {
  if (entry.number === issuerDomain || !registry.isBelow(entry, registry.selected)) {
    throw new Refusal('conditions-not-satisfied')
  }
}

function refuseToken(token: Uint8Array): void {
  if (token.length > 0) throw new Refusal('function-not-supported')
}

/** Bytes that an application may keep. */
const longestData = 0x8000
