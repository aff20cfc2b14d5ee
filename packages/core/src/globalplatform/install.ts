import { concat, Reader } from '../bytes/index.ts'
import { DecodeError, UsageError } from '../errors/index.ts'
import { readAid, readOptionalAid, requireAid, serializeAid } from './aid.ts'
import { readField, serializeField } from './length-value.ts'
import { type Privileges, parsePrivileges, serializePrivileges } from './privileges.ts'

/** What INSTALL does: P1 without bit 8, which says that more segments follow (GPC 2.3.1, 11.5.2.1). */
export const installPurposes = {
  load: 0x02,
  install: 0x04,
  'make-selectable': 0x08,
  'install-and-make-selectable': 0x0c,
  extradition: 0x10,
  personalization: 0x20,
  'registry-update': 0x40,
} as const

export type InstallPurpose = keyof typeof installPurposes

/** Before LOAD: load file AID, security domain AID, hash, parameters, token (GPC 2.3.1, 11.5.2.3.1). */
export interface InstallForLoad {
  readonly purpose: 'load'
  readonly loadFile: Uint8Array
  /** Left out: the security domain that is selected. */
  readonly securityDomain?: Uint8Array
  /** Of the load file data block, or empty. */
  readonly hash: Uint8Array
  readonly parameters: Uint8Array
  readonly token: Uint8Array
}

/** Load file AID, module AID, instance AID, privileges, parameters, token (GPC 2.3.1, 11.5.2.3.2 and 11.5.2.3.3). */
export interface InstallForInstall {
  readonly purpose: 'install' | 'make-selectable' | 'install-and-make-selectable'
  /** Load file and module: left out to make selectable only. */
  readonly loadFile?: Uint8Array
  readonly module?: Uint8Array
  readonly instance: Uint8Array
  readonly privileges?: Privileges
  /** See `parseInstallParameters`. */
  readonly parameters: Uint8Array
  readonly token: Uint8Array
}

/** Gives an application to another security domain (GPC 2.3.1, 11.5.2.3.4). */
export interface InstallForExtradition {
  readonly purpose: 'extradition'
  readonly securityDomain: Uint8Array
  readonly application: Uint8Array
  readonly parameters: Uint8Array
  readonly token: Uint8Array
}

/** The application to which STORE DATA goes from now on (GPC 2.3.1, 11.5.2.3.6). */
export interface InstallForPersonalization {
  readonly purpose: 'personalization'
  readonly application: Uint8Array
}

/** Changes an entry of the registry (GPC 2.3.1, 11.5.2.3.5). */
export interface InstallForRegistryUpdate {
  readonly purpose: 'registry-update'
  readonly securityDomain?: Uint8Array
  readonly application?: Uint8Array
  readonly privileges?: Privileges
  readonly parameters: Uint8Array
  readonly token: Uint8Array
}

export type InstallRequest =
  | InstallForLoad
  | InstallForInstall
  | InstallForExtradition
  | InstallForPersonalization
  | InstallForRegistryUpdate

/** The purpose that P1 states, bit 8 aside; a combination that the standard does not have is a DecodeError. */
export function parseInstallPurpose(p1: number): InstallPurpose {
  const name = (Object.keys(installPurposes) as InstallPurpose[]).find(
    (one) => installPurposes[one] === (p1 & 0x7f),
  )
  if (!name) throw new DecodeError(`INSTALL: no purpose has P1 ${p1.toString(16).toUpperCase()}`)
  return name
}

/** Each field has its length in front: AIDs and privileges one byte, the others as BER has it. */
export function parseInstallRequest(purpose: InstallPurpose, bytes: Uint8Array): InstallRequest {
  const r = new Reader(bytes, `INSTALL for ${purpose}`)
  const request = readRequest(purpose, r)
  r.end()
  return request
}

export function serializeInstallRequest(request: InstallRequest): Uint8Array {
  const none = Uint8Array.of(0)
  switch (request.purpose) {
    case 'load':
      return concat(
        serializeAid(requireAid(request.loadFile)),
        serializeAid(request.securityDomain),
        ...[request.hash, request.parameters, request.token].map(serializeField),
      )
    case 'install':
    case 'make-selectable':
    case 'install-and-make-selectable': {
      const { purpose, loadFile, module, instance, privileges, parameters, token } = request
      if (purpose !== 'make-selectable' && !(loadFile && module && privileges)) {
        throw new UsageError('INSTALL needs load file, module and privileges')
      }
      return concat(
        serializeAid(loadFile),
        serializeAid(module),
        serializeAid(requireAid(instance)),
        serializeOptionalPrivileges(privileges),
        ...[parameters, token].map(serializeField),
      )
    }
    case 'extradition':
      return concat(
        serializeAid(requireAid(request.securityDomain)),
        none,
        serializeAid(requireAid(request.application)),
        none,
        ...[request.parameters, request.token].map(serializeField),
      )
    case 'personalization':
      return concat(none, none, serializeAid(requireAid(request.application)), none, none, none)
    case 'registry-update':
      return concat(
        serializeAid(request.securityDomain),
        none,
        serializeAid(request.application),
        serializeOptionalPrivileges(request.privileges),
        ...[request.parameters, request.token].map(serializeField),
      )
  }
}

/** What INSTALL, LOAD, DELETE answer: 00, or the length and bytes of a confirmation (GPC 2.3.1, 11.1.6). */
export function parseConfirmation(bytes: Uint8Array): Uint8Array {
  // LOAD and some cards answer nothing at all.
  if (bytes.length === 0) return bytes
  const r = new Reader(bytes, 'confirmation')
  const confirmation = readField(r, 'confirmation')
  r.end()
  return confirmation
}

export function serializeConfirmation(confirmation: Uint8Array): Uint8Array {
  return serializeField(confirmation)
}

function readRequest(purpose: InstallPurpose, r: Reader): InstallRequest {
  switch (purpose) {
    case 'load': {
      const loadFile = readAid(r, 'load file AID')
      const securityDomain = readOptionalAid(r, 'security domain AID')
      const hash = readField(r, 'hash')
      const parameters = readField(r, 'load parameters')
      const token = readField(r, 'token')
      return { purpose, loadFile, ...(securityDomain && { securityDomain }), hash, parameters, token }
    }
    case 'install':
    case 'make-selectable':
    case 'install-and-make-selectable': {
      const loadFile = readOptionalAid(r, 'load file AID')
      const module = readOptionalAid(r, 'module AID')
      const instance = readAid(r, 'instance AID')
      const privileges = readOptionalPrivileges(r)
      if (purpose !== 'make-selectable' && !(loadFile && module && privileges)) {
        throw r.fail('expected load file, module and privileges')
      }
      const parameters = readField(r, 'install parameters')
      const token = readField(r, 'token')
      return {
        purpose,
        ...(loadFile && { loadFile }),
        ...(module && { module }),
        instance,
        ...(privileges && { privileges }),
        parameters,
        token,
      }
    }
    case 'extradition': {
      const securityDomain = readAid(r, 'security domain AID')
      readNothing(r)
      const application = readAid(r, 'application AID')
      readNothing(r)
      const parameters = readField(r, 'extradition parameters')
      return { purpose, securityDomain, application, parameters, token: readField(r, 'token') }
    }
    case 'personalization': {
      readNothing(r)
      readNothing(r)
      const application = readAid(r, 'application AID')
      for (let i = 0; i < 3; i++) readNothing(r)
      return { purpose, application }
    }
    case 'registry-update': {
      const securityDomain = readOptionalAid(r, 'security domain AID')
      readNothing(r)
      const application = readOptionalAid(r, 'application AID')
      const privileges = readOptionalPrivileges(r)
      const parameters = readField(r, 'registry update parameters')
      const token = readField(r, 'token')
      return {
        purpose,
        ...(securityDomain && { securityDomain }),
        ...(application && { application }),
        ...(privileges && { privileges }),
        parameters,
        token,
      }
    }
  }
}

function readNothing(r: Reader): void {
  if (r.u8('length') !== 0) throw r.fail('expected an empty field')
}

function readOptionalPrivileges(r: Reader): Privileges | undefined {
  const length = r.u8('length of privileges')
  return length === 0 ? undefined : parsePrivileges(r.take(length, 'privileges'))
}

function serializeOptionalPrivileges(privileges: Privileges | undefined): Uint8Array {
  return privileges ? serializeField(serializePrivileges(privileges)) : Uint8Array.of(0)
}
