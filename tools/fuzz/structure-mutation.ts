import { mutateBytes } from './bytes-mutation.ts'
import { bigEndian, type Dictionary } from './dictionary.ts'
import type { Random } from './random.ts'
import { type Cbor, type Node, readStructure, type Tlv, writeStructure } from './structure.ts'

export interface MutationWorld {
  readonly random: Random
  readonly dictionary: Dictionary
}

/** Changes bytes by their structure, where they show one, else as bytes. `other`: an input to take pieces from. */
export function mutateStructured(bytes: Uint8Array, world: MutationWorld, other: Uint8Array): Uint8Array {
  const { random, dictionary } = world
  if (random.oneIn(4)) return mutateBytes(bytes, random, dictionary, other)
  const tree = readStructure(bytes)
  for (let n = 1 + random.small(4); n > 0; n--) {
    const sites = sitesOf(tree)
    const site = random.pick(sites)
    if (site === undefined) return mutateBytes(bytes, random, dictionary, other)
    mutateAt(site, world, other)
  }
  return writeStructure(tree)
}

/** A node and the list that it stands in. */
interface Site {
  readonly list: Node[]
  readonly at: number
}

function sitesOf(list: Node[], sites: Site[] = []): Site[] {
  for (const [at, node] of list.entries()) {
    sites.push({ list, at })
    if (node.kind !== 'leaf') sitesOf(node.content, sites)
  }
  return sites
}

function mutateAt({ list, at }: Site, world: MutationWorld, other: Uint8Array): void {
  const { random, dictionary } = world
  const node = list[at]!
  switch (random.below(10)) {
    case 0:
      list.splice(at, 1)
      return
    case 1:
      list.splice(at, 0, copy(node))
      return
    case 2: {
      const to = random.below(list.length)
      list[at] = list[to]!
      list[to] = node
      return
    }
    case 3:
      list[at] = nested(node, world)
      return
    case 4: {
      const taken = random.pick(sitesOf(readStructure(other)))
      if (taken !== undefined) list.splice(at, random.below(2), taken.list[taken.at]!)
      return
    }
    case 5:
      list.splice(at, 0, newNode(node, world))
      return
    case 6:
      if (node.kind !== 'leaf') {
        node.error = random.pick([-1, 1, -2, 2, 16, -16, 127, 128, 255, 256, 65_535, 2 ** 31])!
        return
      }
      break
    default:
  }
  if (node.kind === 'leaf') node.bytes = mutateBytes(node.bytes, random, dictionary, other)
  else if (node.kind === 'tlv') mutateTag(node, world)
  else if (node.kind === 'cbor') mutateItem(node, world)
  else if (node.kind === 'section' && node.id !== undefined) list[at] = { ...node, id: random.below(14) }
}

function mutateTag(node: Tlv, { random, dictionary }: MutationWorld): void {
  node.tag = random.oneIn(2)
    ? node.tag.with(0, random.oneIn(2) ? node.tag[0]! ^ (1 << random.below(8)) : random.below(256))
    : tagBytes(random.pick(dictionary.numbers) ?? 0x30)
}

function mutateItem(node: Cbor, { random, dictionary }: MutationWorld): void {
  if (node.major === 3 && random.oneIn(2)) {
    node.content = [{ kind: 'leaf', bytes: new TextEncoder().encode(random.pick(dictionary.words) ?? '') }]
  } else if (random.oneIn(3)) {
    node.major = random.below(8)
    node.value = node.content.length
  } else if (node.major < 2 || node.major > 5) {
    node.value = random.oneIn(2)
      ? (random.pick(dictionary.numbers) ?? 0)
      : random.pick([
          0,
          1,
          20,
          21,
          22,
          23,
          24,
          255,
          256,
          65_535,
          65_536,
          2 ** 32 - 1,
          2 ** 32,
          2 ** 53 - 1,
          2 ** 53,
        ])!
  } else if (node.content.length > 0) {
    node.content = random.oneIn(2) ? [...node.content].reverse() : node.content.slice(1)
  }
}

/** The node inside others of its kind, now and then very deep. */
function nested(node: Node, { random }: MutationWorld): Node {
  let out = node
  for (let n = random.oneIn(8) ? random.below(300) : 1; n > 0; n--) {
    out =
      node.kind === 'cbor'
        ? { kind: 'cbor', major: 4, value: 1, content: [out], error: 0 }
        : { kind: 'tlv', tag: Uint8Array.of(0x30), content: [out], error: 0 }
  }
  return out
}

/** Bytes are replaced, never changed: only the lists are copied. */
function copy(node: Node): Node {
  return node.kind === 'leaf' ? { ...node } : { ...node, content: node.content.map(copy) }
}

/** Something that could stand beside this node. */
function newNode(beside: Node, { random, dictionary }: MutationWorld): Node {
  const bytes = random.pick(dictionary.tokens) ?? new Uint8Array(1)
  if (beside.kind === 'tlv') {
    const tag = tagBytes(random.pick(dictionary.numbers) ?? 4)
    return { kind: 'tlv', tag, content: [{ kind: 'leaf', bytes }], error: 0 }
  }
  if (beside.kind === 'cbor') {
    const major = random.below(8)
    const content: Node[] = major === 2 || major === 3 ? [{ kind: 'leaf', bytes }] : []
    return { kind: 'cbor', major, value: random.pick(dictionary.numbers) ?? 0, content, error: 0 }
  }
  return { kind: 'leaf', bytes }
}

function tagBytes(tag: number): Uint8Array {
  return bigEndian(tag, tag < 0x100 ? 1 : tag < 0x1_0000 ? 2 : 3)
}
