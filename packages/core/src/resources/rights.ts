import { type InterfaceName, interfaces } from '../catalog/index.ts'
import type { MapReader } from '../cbor/index.ts'
import { UsageError } from '../errors/index.ts'

/** Interfaces that can be granted to a resource, in the order of the catalog: all but `chip`. */
export const resourceInterfaces: readonly InterfaceName[] = (
  Object.keys(interfaces) as InterfaceName[]
).filter((name) => interfaces[name].right !== 0)

/** The byte of rights in DEF. */
export function rightsOf(names: Iterable<InterfaceName>): number {
  let rights = 0
  for (const name of names) {
    if (interfaces[name].right === 0)
      throw new UsageError(`interface ${name} cannot be granted to a resource`)
    rights |= interfaces[name].right
  }
  return rights
}

/** The interfaces in a byte of rights; undefined when a bit has no interface. */
export function interfacesOf(rights: number): InterfaceName[] | undefined {
  const names = resourceInterfaces.filter((name) => (rights & interfaces[name].right) !== 0)
  return rightsOf(names) === rights ? names : undefined
}

/** Reads a list of interfaces from a document: known, grantable, in the order of the catalog, none twice. */
export function readInterfaces(r: MapReader): InterfaceName[] {
  const names = r.array('interfaces', (item) => {
    const name = resourceInterfaces.find((one) => one === item)
    if (name === undefined) throw r.fail(`interface ${String(item)} cannot be granted to a resource`)
    return name
  })
  if (names.some((name, i) => resourceInterfaces.indexOf(name) !== ascending(names, i))) {
    throw r.fail('interfaces expected in the order of the catalog, each once')
  }
  return names
}

/** The names in the order in which documents state them, each once. */
export function inCatalogOrder(names: Iterable<InterfaceName>): InterfaceName[] {
  const wanted = new Set(names)
  rightsOf(wanted)
  return resourceInterfaces.filter((name) => wanted.has(name))
}

function ascending(names: readonly InterfaceName[], at: number): number {
  const index = resourceInterfaces.indexOf(names[at]!)
  return at > 0 && index <= resourceInterfaces.indexOf(names[at - 1]!) ? -1 : index
}
