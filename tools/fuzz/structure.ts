// A reader and writer of whatever structure bytes seem to have. It shares nothing with core's codecs: it must write what they refuse, and
// coverage must show what the parsers did, not what made their input.

/** Bytes seen as a tree. What has no structure is a leaf. */
export type Node = Leaf | Tlv | Cbor | Lengths | Section

export interface Leaf {
  readonly kind: 'leaf'
  bytes: Uint8Array
}

/** A BER or DER data object. */
export interface Tlv {
  readonly kind: 'tlv'
  tag: Uint8Array
  content: Node[]
  /** Added to the length that is written. */
  error: number
}

/** A CBOR item: its major type, argument, and what it holds. */
export interface Cbor {
  readonly kind: 'cbor'
  major: number
  /** Of integers, tags, simple values; of strings, arrays and maps it follows from the content. */
  value: number
  content: Node[]
  error: number
}

/** Bytes with their length before them. */
export interface Lengths {
  readonly kind: 'length'
  readonly size: 1 | 2
  content: Node[]
  error: number
}

/** A section of a wasm program, or the body of a function in one: its length is a LEB128 number. */
export interface Section {
  readonly kind: 'section'
  /** Absent for a body. */
  readonly id: number | undefined
  content: Node[]
  error: number
}

/** The tree, a list of what stands side by side. `depth`: how deep it may still go. */
export function readStructure(bytes: Uint8Array, depth = 12): Node[] {
  if (bytes.length >= 2 && depth > 0) {
    const found =
      readProgram(bytes) ??
      readCbor(bytes, depth) ??
      readTlvs(bytes, depth) ??
      readLengths(bytes, 2, depth) ??
      readLengths(bytes, 1, depth)
    if (found !== undefined) return found
    // A document or certificate behind a head of fixed length.
    for (let at = 1; at <= 40 && bytes.length - at >= 40; at++) {
      const rest = bytes.subarray(at)
      if (bytes[at] !== 0xd2 && bytes[at] !== 0x30 && bytes[at]! >> 5 !== 5) continue
      const tail = readCbor(rest, depth) ?? readTlvs(rest, depth)
      if (tail !== undefined) return [{ kind: 'leaf', bytes: bytes.subarray(0, at) }, ...tail]
    }
  }
  return [{ kind: 'leaf', bytes }]
}

export function writeStructure(nodes: readonly Node[]): Uint8Array {
  return join(nodes.map(writeNode))
}

function writeNode(node: Node): Uint8Array {
  if (node.kind === 'leaf') return node.bytes
  const content = writeStructure(node.content)
  const length = Math.max(0, content.length + node.error)
  if (node.kind === 'tlv') return join([node.tag, tlvLength(length), content])
  if (node.kind === 'section') {
    return join([node.id === undefined ? new Uint8Array(0) : Uint8Array.of(node.id), leb128(length), content])
  }
  if (node.kind === 'length') return join([bigEndian(length, node.size), content])
  const { major, value } = node
  if (major === 2 || major === 3) return join([cborHead(major, length), content])
  if (major === 4) return join([cborHead(4, Math.max(0, node.content.length + node.error)), content])
  if (major === 5)
    return join([cborHead(5, Math.max(0, Math.floor(node.content.length / 2) + node.error)), content])
  return join([cborHead(major, value), content])
}

/** Magic and version of wasm, then sections; the code section as its bodies. */
function readProgram(bytes: Uint8Array): Node[] | undefined {
  if (!wasmHead.every((byte, i) => bytes[i] === byte)) return undefined
  const nodes: Node[] = [{ kind: 'leaf', bytes: bytes.subarray(0, 8) }]
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at]!
    const size = readLeb128(bytes, at + 1)
    if (size === undefined || size.end + size.value > bytes.length) return undefined
    const content = bytes.subarray(size.end, size.end + size.value)
    const bodies = id === 10 ? readBodies(content) : undefined
    nodes.push({ kind: 'section', id, content: bodies ?? [{ kind: 'leaf', bytes: content }], error: 0 })
    at = size.end + size.value
  }
  return nodes
}

function readBodies(bytes: Uint8Array): Node[] | undefined {
  const count = readLeb128(bytes, 0)
  if (count === undefined) return undefined
  const nodes: Node[] = [{ kind: 'leaf', bytes: bytes.subarray(0, count.end) }]
  for (let at = count.end; at < bytes.length; ) {
    const size = readLeb128(bytes, at)
    if (size === undefined || size.end + size.value > bytes.length) return undefined
    const body = bytes.subarray(size.end, size.end + size.value)
    nodes.push({ kind: 'section', id: undefined, content: [{ kind: 'leaf', bytes: body }], error: 0 })
    at = size.end + size.value
  }
  return nodes
}

function readLeb128(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 128 ** i
    if (byte < 0x80) return { value, end: at + i + 1 }
  }
  return undefined
}

function leb128(value: number): Uint8Array {
  const out: number[] = []
  let rest = value
  do {
    const more = rest >= 128
    out.push((rest % 128) + (more ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Uint8Array.from(out)
}

const wasmHead = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

function readTlvs(bytes: Uint8Array, depth: number): Node[] | undefined {
  const nodes: Node[] = []
  for (let at = 0; at < bytes.length; ) {
    const start = at
    const first = bytes[at++]!
    if (first === 0x00) return undefined
    if ((first & 0x1f) === 0x1f) {
      do if (at - start > 3) return undefined
      while ((bytes[at++] ?? 0) & 0x80)
    }
    const tag = bytes.subarray(start, at)
    let length = bytes[at++]
    if (length === undefined) return undefined
    if (length > 0x80) {
      const size = length & 0x7f
      if (size > 3 || at + size > bytes.length) return undefined
      length = 0
      for (let i = 0; i < size; i++) length = length * 256 + bytes[at++]!
    }
    if (at + length > bytes.length) return undefined
    const value = bytes.subarray(at, at + length)
    at += length
    nodes.push({ kind: 'tlv', tag, content: tlvContent(first, value, depth), error: 0 })
  }
  return nodes.length === 0 ? undefined : nodes
}

function tlvContent(first: number, value: Uint8Array, depth: number): Node[] {
  if ((first & 0x20) !== 0) return readTlvs(value, depth - 1) ?? readStructure(value, depth - 1)
  // OCTET STRING and BIT STRING of DER hold structures; other primitive values seldom do.
  if (first === 0x04 && value.length > 8) return readStructure(value, depth - 1)
  if (first === 0x03 && value[0] === 0 && value.length > 8) {
    return [{ kind: 'leaf', bytes: value.subarray(0, 1) }, ...readStructure(value.subarray(1), depth - 1)]
  }
  return [{ kind: 'leaf', bytes: value }]
}

function readCbor(bytes: Uint8Array, depth: number): Node[] | undefined {
  const major = bytes[0]! >> 5
  if (major !== 4 && major !== 5 && major !== 6) return undefined
  const item = readItem(bytes, 0, depth)
  return item !== undefined && item.end === bytes.length ? [item.node] : undefined
}

function readItem(bytes: Uint8Array, start: number, depth: number): { node: Cbor; end: number } | undefined {
  const first = bytes[start]
  if (first === undefined || depth <= 0) return undefined
  const major = first >> 5
  let at = start + 1
  let value = first & 0x1f
  if (value >= 24) {
    if (value > 27) return undefined
    const size = 1 << (value - 24)
    if (at + size > bytes.length) return undefined
    value = 0
    for (let i = 0; i < size; i++) value = value * 256 + bytes[at++]!
  }
  const node: Cbor = { kind: 'cbor', major, value, content: [], error: 0 }
  if (major === 2 || major === 3) {
    if (at + value > bytes.length) return undefined
    const content = bytes.subarray(at, at + value)
    node.content =
      major === 2 && value > 2
        ? (readCbor(content, depth - 1) ??
          (value > 8 ? readStructure(content, depth - 1) : [{ kind: 'leaf', bytes: content }]))
        : [{ kind: 'leaf', bytes: content }]
    return { node, end: at + value }
  }
  const items = major === 4 ? value : major === 5 ? 2 * value : major === 6 ? 1 : 0
  if (items > bytes.length) return undefined
  for (let i = 0; i < items; i++) {
    const item = readItem(bytes, at, depth - 1)
    if (item === undefined) return undefined
    node.content.push(item.node)
    at = item.end
  }
  return { node, end: at }
}

function readLengths(bytes: Uint8Array, size: 1 | 2, depth: number): Node[] | undefined {
  const nodes: Node[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + size > bytes.length) return undefined
    const length = size === 1 ? bytes[at]! : bytes[at]! * 256 + bytes[at + 1]!
    at += size
    if (at + length > bytes.length) return undefined
    nodes.push({
      kind: 'length',
      size,
      content: readStructure(bytes.subarray(at, at + length), depth - 1),
      error: 0,
    })
    at += length
  }
  return nodes.length > 1 || size === 2 ? nodes : undefined
}

export function tlvLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  if (length < 0x100) return Uint8Array.of(0x81, length)
  if (length < 0x1_0000) return Uint8Array.of(0x82, ...bigEndian(length, 2))
  return Uint8Array.of(0x83, ...bigEndian(length, 3))
}

export function cborHead(major: number, value: number): Uint8Array {
  const first = (major & 7) << 5
  if (value < 24) return Uint8Array.of(first | value)
  if (value < 0x100) return Uint8Array.of(first | 24, value)
  if (value < 0x1_0000) return Uint8Array.of(first | 25, ...bigEndian(value, 2))
  if (value < 2 ** 32) return Uint8Array.of(first | 26, ...bigEndian(value, 4))
  return Uint8Array.of(first | 27, ...bigEndian(value, 8))
}

function bigEndian(value: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.floor(value / 2 ** (8 * (length - 1 - i))) % 256)
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
