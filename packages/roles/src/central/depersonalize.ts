import { equal } from '@sealwright/core/bytes'
import { dataTags } from '@sealwright/core/catalog'
import { withHandle } from '@sealwright/core/crypto'
import { AuthError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import {
  parseCompleteReceipt,
  serializeDepersonalizeRequest,
  verifyDepersonalize,
} from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { moduleStep, readData, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { type Depersonalization, readDepersonalization, writeDepersonalization } from './depersonalization.ts'
import { type SessionInput, session } from './session.ts'

export interface DepersonalizeInput extends SessionInput {
  /** Serial number of the module that is to end its work, 8 bytes. */
  readonly serial: Uint8Array
}

export interface Depersonalized {
  readonly serial: Uint8Array
  /** SHA-256 of the operating certificate that is no more. */
  readonly certificateDigest: Uint8Array
  /** An earlier run did it, whose answer was not heard. */
  readonly already: boolean
  /** Event number and chain in the receipt. */
  readonly number: number
  readonly chain: Uint8Array
  readonly entries: readonly LogEntry[]
}

type Outcome = Omit<Depersonalized, 'entries'>

/**
 * Ends a module's personalization in a session: it erases operating key, certificates and this central system's key, and says so with the
 * last signature of that key. Broken off anywhere, run it again: the module repeats its receipt.
 */
export async function depersonalize(
  ports: PartyPorts,
  transport: Transport,
  input: DepersonalizeInput,
): Promise<Depersonalized> {
  await endChannel(transport)
  const channel = plain(transport)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'central depersonalize',
    types: ['depersonalized'],
    details: (outcome) => (outcome === undefined ? {} : { certificate: outcome.certificateDigest }),
    proven: (outcome) => outcome,
    settle: () => settled(ports, channel, input.serial),
    run: async () => (await settled(ports, channel, input.serial)) ?? (await run(ports, transport, input)),
  })
  return { ...result, entries }
}

async function run(ports: PartyPorts, transport: Transport, input: DepersonalizeInput): Promise<Outcome> {
  const { crypto } = ports
  return session(ports, transport, input, async ({ serial, operating, channel }) => {
    const request = { serial, certificateDigest: crypto.sha256(operating.encoded) }
    // Written first: the key that signs the receipt is not shown any more once the module has done it.
    const asked = { request, point: operating.publicPoint }
    await writeDepersonalization(ports, asked)
    const data = serializeDepersonalizeRequest(request)
    const receipt = await channel.send('DEPERSONALIZE', { data })
    return outcome(ports, asked, receipt, false)
  })
}

/** What a module that awaits personalization says of the end that this central system asked for. */
async function settled(
  ports: PartyPorts,
  channel: Channel,
  serial: Uint8Array,
): Promise<Outcome | undefined> {
  const head = await readHead(channel)
  const intended = await readDepersonalization(ports, serial)
  if (!equal(head.serial, serial) || head.state === 'operating' || intended === undefined) return undefined
  const receipt = await readData(channel, dataTags.depersonalizationReceipt)
  if (receipt === undefined) return undefined
  // Depersonalized by hand, the module has a receipt for the same certificate: that is the end asked for, too.
  return outcome(ports, intended, receipt, true)
}

function outcome(
  { crypto }: PartyPorts,
  { request, point }: Depersonalization,
  bytes: Uint8Array,
  already: boolean,
): Outcome {
  const receipt = parseCompleteReceipt(bytes)
  if (!withHandle(crypto.ecPublicKey(point), (key) => verifyDepersonalize(key, request, receipt))) {
    throw new AuthError()
  }
  const { number, chain } = receipt
  return { ...request, already, number, chain }
}
