import { decodeHex, encodeHex, equal } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import {
  type DomainParameters,
  deleteOptions,
  installParameters,
  installPurposes,
  parseConfirmation,
  privilegesOf,
  serializeDeleteRequest,
  serializeDomainParameters,
  serializeInstallParameters,
  serializeInstallRequest,
} from '@sealwright/core/globalplatform'
import { type Registry, readRegistry } from './registry.ts'
import type { DomainSession } from './session.ts'

export interface CreateDomainInput {
  /** 5 to 16 bytes. */
  readonly aid: Uint8Array
  /** Where its code comes from; the card's registry is searched unless given. */
  readonly loadFile?: Uint8Array
  readonly module?: Uint8Array
  /** What C9 says of it; SCP03 with i = 70 unless given. */
  readonly parameters?: DomainParameters
}

/** Load files of security domains, as cards name them: the load file, and the module in it. */
const domainPackages = [
  ['A0000001515350', 'A000000151535041'],
  ['A0000000035350', 'A000000003535041'],
] as const

/**
 * Creates a supplementary security domain. Broken off, run it again: one that is there is not made twice.
 * @returns whether it was made now, or was there
 */
export async function createDomain(
  session: DomainSession,
  { aid, loadFile, module, parameters = defaultParameters }: CreateDomainInput,
): Promise<'created' | 'there'> {
  const registry = await readRegistry(session)
  if (registry.domains.some((entry) => equal(entry.aid, aid))) return 'there'
  if (registry.applications.some((entry) => equal(entry.aid, aid))) {
    throw new StateError(`${encodeHex(aid)} is an application on this card, and no security domain`)
  }
  const source = loadFile && module ? { loadFile, module } : sourceOf(registry, loadFile)
  const data = serializeInstallRequest({
    purpose: 'install-and-make-selectable',
    ...source,
    instance: aid,
    privileges: privilegesOf('security-domain'),
    parameters: serializeInstallParameters(installParameters(serializeDomainParameters(parameters))),
    token: new Uint8Array(0),
  })
  const p1 = installPurposes['install-and-make-selectable']
  parseConfirmation(await session.send('INSTALL', { cla: 0x80, ins: 0xe6, p1, data }))
  return 'created'
}

const defaultParameters: DomainParameters = { protocols: [{ protocol: 0x03, parameter: 0x70 }], others: [] }

function sourceOf({ loadFiles }: Registry, named?: Uint8Array): { loadFile: Uint8Array; module: Uint8Array } {
  for (const [file, module] of domainPackages) {
    const found = loadFiles.find(({ aid }) => (named ? equal(aid, named) : encodeHex(aid) === file))
    if (!found) continue
    // A card that does not list its modules has the usual one.
    const listed = found.modules ?? []
    const fitting = listed.find((one) => encodeHex(one) === module) ?? listed[0]
    return { loadFile: found.aid, module: fitting ?? decodeHex(module) }
  }
  throw new StateError(
    'the card lists no load file that security domains are made from: name it with --load-file and --load-module',
    { code: 'card-refused' },
  )
}

export interface DeleteContentInput {
  readonly aid: Uint8Array
  /** What was made from it goes too: needed for a load file with applications. */
  readonly related?: boolean
}

/** Deletes an application, a security domain or a load file. */
export async function deleteContent(
  session: DomainSession,
  { aid, related = false }: DeleteContentInput,
): Promise<void> {
  const data = serializeDeleteRequest({ kind: 'content', aid })
  const p2 = deleteOptions[related ? 'object-and-related' : 'object']
  parseConfirmation(await session.send('DELETE', { cla: 0x80, ins: 0xe4, p2, data }))
}

export interface DeleteKeysInput {
  readonly keyId?: number
  readonly keyVersion?: number
  /** YubiKeys delete their last key only so. */
  readonly evenLast?: boolean
}

/** Deletes keys by identifier, version, or both; SCP03 keys by their version. */
export async function deleteKeys(session: DomainSession, input: DeleteKeysInput): Promise<void> {
  const { keyId, keyVersion, evenLast = false } = input
  const data = serializeDeleteRequest({
    kind: 'keys',
    ...(keyId !== undefined && { keyId }),
    ...(keyVersion !== undefined && { keyVersion }),
  })
  const p2 = deleteOptions[evenLast ? 'last-key' : 'object']
  parseConfirmation(await session.send('DELETE', { cla: 0x80, ins: 0xe4, p2, data }))
}
