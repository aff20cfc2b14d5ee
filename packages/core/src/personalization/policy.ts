import { Reader } from '../bytes/index.ts'
import { UsageError } from '../errors/index.ts'

/** What a product may allow in its personalization besides the chain from the manufacturer's key: bits of its product data `policy`. */
export const policyBits = {
  'pair-at-manufacture': {
    bit: 0x01,
    text: 'the first operating pair is made in customization, not by BEGIN',
  },
  'bare-signature': {
    bit: 0x02,
    text: "the unit's signature comes without the key and is stored like that",
  },
  'circular-certification': {
    bit: 0x04,
    text: 'the unit may be certified by the central system whose key it brings: plausible only',
  },
  'central-key-bare': {
    bit: 0x08,
    text: "the central system's key may come over the channel without a certificate",
  },
} as const satisfies Record<string, { bit: number; text: string }>

export type PolicyName = keyof typeof policyBits

/** The variants that are allowed; an empty set is the strict policy. */
export type Policy = ReadonlySet<PolicyName>

/** Chain only: what a product has that says nothing. */
export const strictPolicy: Policy = new Set()

const names = Object.keys(policyBits) as PolicyName[]

/** One byte; a bit that is not known is a DecodeError. */
export function parsePolicy(bytes: Uint8Array): Policy {
  const r = new Reader(bytes, 'policy')
  const bits = r.u8('bits')
  r.end()
  const policy = new Set(names.filter((name) => (bits & policyBits[name].bit) !== 0))
  if (serializePolicy(policy)[0] !== bits) throw r.fail('a bit is not known')
  return policy
}

export function serializePolicy(policy: Iterable<PolicyName>): Uint8Array {
  let bits = 0
  for (const name of policy) {
    if (!Object.hasOwn(policyBits, name)) throw new UsageError(`there is no policy ${name}`)
    bits |= policyBits[name].bit
  }
  return Uint8Array.of(bits)
}
