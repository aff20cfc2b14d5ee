import { equal } from '@sealwright/core/bytes'
import { DecodeError } from '@sealwright/core/errors'
import {
  applicationStates,
  loadFileStates,
  lockedBit,
  parsePrivileges,
  parseStatusForm,
  parseStatusRequest,
  parseStatusScope,
  privileges as privilegeBits,
  privilegesOf,
  type RegistryEntry,
  type StatusScope,
  serializeOldRegistryEntries,
  serializeRegistryEntries,
} from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import {
  issuerDomain,
  type RegistryEntry as Stored,
  securityDomainLoadFile,
  securityDomainModule,
} from '../registry/index.ts'
import type { Definition } from '../resources/index.ts'

type Needs = Pick<Parts, 'registry' | 'definitions'>

/**
 * GET STATUS (GlobalPlatform 2.3.1, 11.4): the registry as the selected security domain may see it: the issuer's all, another one itself and
 * what belongs to it. The whole list is one answer. Nothing found is an empty one, for a client in use stops at 6A88; asking on finds nothing.
 */
export function getStatus(parts: Needs, { p1, p2, data }: Pick<Call, 'p1' | 'p2' | 'data'>): Uint8Array {
  const scope = parameter(() => parseStatusScope(p1))
  const form = parameter(() => parseStatusForm(p2))
  const { filter, tags } = parseStatusRequest(data)
  if (form.next) throw new Refusal('reference-not-found')
  const found = entriesOf(parts, scope).filter(({ aid }) => equal(aid.subarray(0, filter.length), filter))
  return form.tlv ? serializeRegistryEntries(found, tags) : oldForm(found, scope)
}

function entriesOf({ registry, definitions }: Needs, scope: StatusScope): RegistryEntry[] {
  const { selected } = registry
  const visible = (one: Stored): boolean =>
    selected === issuerDomain || one.number === selected || registry.isBelow(one, selected)
  const shown = (one: Stored): RegistryEntry => entryOf(one, registry.find(one.domain)?.aid)
  switch (scope) {
    case 'issuer-domain':
      return selected === issuerDomain ? [shown(registry.issuer())] : []
    case 'applications': {
      const own = [...registry.list('domain').slice(1), ...registry.list('application')].filter(visible)
      const resources = selected === issuerDomain ? definitions.list() : []
      return [...own.map(shown), ...resources.map((one) => resourceEntry(one, registry.issuer().aid))]
    }
    case 'load-files':
    case 'load-files-and-modules': {
      const modules = scope === 'load-files-and-modules'
      const issuer = registry.issuer().aid
      const builtIn = {
        aid: securityDomainLoadFile,
        state: loadFileStates.loaded.code,
        securityDomain: issuer,
      }
      const stored = registry.list('load-file').filter(visible)
      const files: RegistryEntry[] = [
        modules ? { ...builtIn, modules: [securityDomainModule] } : builtIn,
        ...stored.map((one) => ({ ...shown(one), ...(modules ? { modules: [one.module] } : {}) })),
      ]
      return selected === issuerDomain ? files : files.slice(1)
    }
  }
}

function entryOf(one: Stored, securityDomain: Uint8Array | undefined): RegistryEntry {
  return {
    aid: one.aid,
    state: one.state,
    ...(one.form === 'load-file' ? {} : { privileges: parsePrivileges(one.privileges) }),
    ...(one.form === 'load-file' ? {} : { loadFile: one.loadFile }),
    ...(securityDomain === undefined ? {} : { securityDomain }),
  }
}

/** The application of a resource: seen here, managed by its operator's documents alone. */
function resourceEntry({ aid, state, loaded }: Definition, securityDomain: Uint8Array): RegistryEntry {
  const code = loaded === undefined ? applicationStates.installed.code : applicationStates.selectable.code
  const locked = state === 'active' ? 0 : lockedBit
  return { aid, state: code | locked, privileges: privilegesOf(), securityDomain }
}

function oldForm(entries: readonly RegistryEntry[], scope: StatusScope): Uint8Array {
  const rows = entries.map(({ aid, state, privileges, modules }) => ({
    aid,
    state,
    privileges: firstByte(privileges),
    ...(modules === undefined ? {} : { modules }),
  }))
  return serializeOldRegistryEntries(rows, scope)
}

function firstByte(all: RegistryEntry['privileges']): NonNullable<RegistryEntry['privileges']> {
  const names = all?.names.filter((name) => (privilegeBits[name].bit & 0xff_0000) !== 0) ?? []
  return { length: 1, names }
}

function parameter<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof DecodeError) throw new Refusal('wrong-parameters')
    throw error
  }
}
