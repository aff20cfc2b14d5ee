import { equal, u16, u32, wipe } from '@sealwright/core/bytes'
import type { SupplierForm } from '@sealwright/core/catalog'
import { privateScalar, withHandle } from '@sealwright/core/crypto'
import { AuthError, PeerError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import {
  blockSizes,
  type CheckedActivation,
  draftPackage,
  type LoadReceipt,
  loadBlocks,
  mostBlocks,
  type Package,
  parseLoadProgress,
  parseLoadReceipt,
  parseManifest,
  parsePackage,
  sealPackageKey,
  serializeLoadBlock,
  serializeLoadManifest,
  serializePackage,
  verifyLoadReceipt,
} from '@sealwright/core/resources'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { moduleStep, provenHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { supplierKey } from './key.ts'
import { openResource, readIssuer, requireModule, resourceName, takeActivation } from './resource.ts'

export interface LoadInput {
  /** The operator's activation. */
  readonly activation: Uint8Array
  /** WebAssembly. */
  readonly program: Uint8Array
  /** Content of the data area; or its size, and what is there stays (zeros at first). */
  readonly data: Uint8Array | { readonly size: number }
  /** One higher than the last unless given. */
  readonly version?: number
  /** Content of one block, 64 to 8192 bytes; 1024 unless given or too small for the package. */
  readonly blockSize?: number
  /** How both ends prove themselves and agree on keys; SCP11a unless given. */
  readonly form?: SupplierForm
}

export interface Loaded {
  readonly serial: Uint8Array
  readonly resource: number
  readonly aid: Uint8Array
  readonly version: number
  /** Blocks of the package, and how many were sent now: a load that was broken off goes on where it stopped. */
  readonly blocks: number
  readonly sent: number
  readonly receipt: LoadReceipt
  readonly entries: readonly LogEntry[]
}

/**
 * Loads or updates the application (SER), with nobody but the module at the other end: checks the activation, opens the channel, sends
 * manifest and missing blocks, switches once, checks the receipt. The same program and data again are the same package.
 */
export async function load(ports: PartyPorts, transport: Transport, input: LoadInput): Promise<Loaded> {
  const checked = await takeActivation(ports, input.activation)
  await endChannel(transport)
  const channel = plain(transport)
  await requireModule(channel, checked)
  const made = await packageFor(ports, checked, input)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'supplier load',
    types: ['program-loaded'],
    details: { manifest: ports.crypto.sha256(made.manifest), resource: checked.resource },
    proven: (done) =>
      done?.receipt ??
      provenHead(channel, ports.entropy.bytes(16), {
        crypto: ports.crypto,
        serial: checked.module,
        point: checked.modulePoint,
      }),
    async run() {
      const issuer = await readIssuer(transport)
      const open = await openResource(ports, transport, checked, issuer, input.form)
      try {
        return await sendPackage(ports, open, checked, made)
      } finally {
        open.close()
        await endChannel(transport)
      }
    },
  })
  const { resource, reservation, module } = checked
  return { serial: module, resource, aid: reservation.aid, ...result, entries }
}

async function sendPackage(
  ports: PartyPorts,
  channel: Channel,
  { module, modulePoint, resource }: CheckedActivation,
  made: Package,
): Promise<Pick<Loaded, 'version' | 'blocks' | 'sent' | 'receipt'>> {
  const { crypto, progress } = ports
  const { manifest, sealedKey } = made
  const blocks = loadBlocks(crypto, made)
  const answer = await channel.send('LOAD MANIFEST', { data: serializeLoadManifest(manifest, sealedKey) })
  const { have, blocks: count } = parseLoadProgress(answer)
  if (count !== blocks.length) throw new PeerError('the module counts other blocks than the package has')
  let missing = have.filter((there) => !there).length
  const sent = missing
  for (const block of blocks) {
    if (have[block.index] === true) continue
    progress(`block ${block.index + 1} of ${count}`)
    const left = await channel.send('LOAD BLOCK', { data: serializeLoadBlock(block) })
    missing--
    if (!equal(left, u16(missing))) throw new PeerError('the module counts other missing blocks')
  }
  const digest = crypto.sha256(manifest)
  const receipt = parseLoadReceipt(await channel.send('LOAD SWITCH', { data: digest }))
  const holds = withHandle(crypto.ecPublicKey(modulePoint), (key) =>
    verifyLoadReceipt(key, module, digest, receipt),
  )
  const { version } = parseManifest(manifest).manifest
  if (!holds) throw new AuthError()
  if (receipt.resource !== resource || receipt.version !== version) {
    throw new PeerError('the receipt of the module does not fit the package')
  }
  return { version, blocks: count, sent, receipt }
}

/** The package that was made for this program and data, or a new one with the next version. */
async function packageFor(ports: PartyPorts, checked: CheckedActivation, input: LoadInput): Promise<Package> {
  const { crypto, store } = ports
  const { program, data } = input
  const folder = `packages/${resourceName(checked)}/`
  const content = crypto.sha256(
    crypto.sha256(program),
    data instanceof Uint8Array ? crypto.sha256(data) : u32(data.size),
    Uint8Array.of(data instanceof Uint8Array ? 1 : 0),
    crypto.sha256(checked.receipt.signature),
  )
  const last = await latestPackage(ports, folder)
  if (
    last !== undefined &&
    equal(last.content, content) &&
    (input.version ?? last.version) === last.version
  ) {
    return last.package
  }
  const version = input.version ?? (last?.version ?? 0) + 1
  const made = await makePackage(ports, checked, input, version)
  const name = `${folder}${String(version).padStart(10, '0')}`
  await store.write(`${name}.content`, content)
  await store.write(`${name}.package`, serializePackage(made))
  return made
}

async function latestPackage(
  { crypto, store }: PartyPorts,
  folder: string,
): Promise<
  { readonly version: number; readonly content: Uint8Array; readonly package: Package } | undefined
> {
  const name = (await store.list(folder)).filter((one) => one.endsWith('.package')).at(-1)
  const bytes = name === undefined ? undefined : await store.read(name)
  const content = name === undefined ? undefined : await store.read(name.replace(/package$/, 'content'))
  if (bytes === undefined || content === undefined) return undefined
  const parsed = parsePackage(bytes, crypto)
  return { version: parsed.plan.version, content, package: parsed }
}

async function makePackage(
  { crypto, entropy, vault }: PartyPorts,
  { module, modulePoint, resource }: CheckedActivation,
  { program, data, blockSize }: LoadInput,
  version: number,
): Promise<Package> {
  const key = entropy.bytes(16)
  const random = entropy.bytes(48)
  try {
    const size = program.length + (data instanceof Uint8Array ? data.length : 0)
    const { document, blocks } = draftPackage(crypto, {
      manifest: {
        module,
        resource,
        version,
        package: entropy.bytes(16),
        blockSize: blockSizeFor(size, blockSize),
      },
      ...{ program, data, key },
      supplierPoint: await vault.publicPoint(supplierKey),
    })
    const manifest = document.finish(await vault.sign(supplierKey, document.toBeSigned))
    const sealedKey = sealPackageKey(crypto, {
      ...{ key, modulePoint, manifestDigest: crypto.sha256(manifest) },
      ephemeralScalar: privateScalar(crypto, random),
    })
    return { manifest, sealedKey, blocks }
  } finally {
    wipe(key, random)
  }
}

function blockSizeFor(size: number, wanted = 1024): number {
  return Math.min(blockSizes.largest, Math.max(wanted, Math.ceil(size / mostBlocks)))
}
