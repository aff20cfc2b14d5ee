import { command, exchange } from '@sealwright/core/apdu'
import { ascii, encodeHex } from '@sealwright/core/bytes'
import { commands, receiptIds } from '@sealwright/core/catalog'
import { privateScalar } from '@sealwright/core/crypto'
import {
  draftPackage,
  type LoadBlock,
  loadBlocks,
  sealPackageKey,
  serializeLoadBlock,
  serializeLoadManifest,
} from '@sealwright/core/resources'
import type { Module } from '@sealwright/module'
import { memoryMap } from '@sealwright/module/eeprom'
import type { Medium, Snapshot } from '@sealwright/module/medium'
import type { Scenario, Verdict } from '@sealwright/module/testing'
import { inProcess } from '../src/transport/index.ts'
import type { ResourceWorld } from './resources-world.ts'
import { type Draft, document, repowered, resourceWorld, supplierChannel } from './resources-world.ts'
import { wat } from './wat.ts'

/** One step in a resource's life that may lose power: where it starts from, and what it sends. */
interface PowerStep {
  readonly name: string
  /** How far the resource has come before it. */
  readonly from: 'nothing' | 'reserved' | 'active' | 'begun' | 'complete'
  run(bench: Bench, module: Module): Promise<void>
}

interface Bench {
  readonly world: ResourceWorld
  readonly data: Uint8Array
  readonly blocks: readonly LoadBlock[]
  readonly digest: Uint8Array
  /** Signed once: ECDSA need not give the same bytes twice. */
  readonly documents: ReadonlyMap<Draft['type'], Uint8Array>
}

const drafts: readonly Draft[] = [
  { type: 'reservation', size: 1500 },
  { type: 'release', number: 2 },
  { type: 'block', number: 3 },
  { type: 'deletion', number: 4 },
]

const order = ['nothing', 'reserved', 'active', 'begun', 'complete'] as const

export const powerSteps: readonly PowerStep[] = [
  { name: 'reserve', from: 'nothing', run: (bench, module) => send(bench, module, 'reservation') },
  { name: 'release', from: 'reserved', run: (bench, module) => send(bench, module, 'release') },
  { name: 'load-manifest', from: 'active', run: (bench, module) => load(bench, module, 0, false) },
  { name: 'load-block', from: 'begun', run: (bench, module) => load(bench, module, 1, false) },
  { name: 'load-switch', from: 'complete', run: (bench, module) => load(bench, module, Infinity, true) },
  { name: 'block', from: 'complete', run: (bench, module) => send(bench, module, 'block') },
  { name: 'delete', from: 'complete', run: (bench, module) => send(bench, module, 'deletion') },
]

/** The step as a scenario of power cuts: state before, the step, and which of the two states is found after. */
export async function powerScenario(step: PowerStep): Promise<Scenario> {
  const bench = await makeBench()
  const { fixture } = bench.world
  const reach = order.indexOf(step.from)
  if (reach >= 1) await send(bench, fixture.power(), 'reservation')
  if (reach >= 2) await send(bench, fixture.power(), 'release')
  if (reach >= 3) await load(bench, fixture.power(), step.from === 'complete' ? Infinity : 0, false)
  const before: Snapshot = fixture.medium.snapshot()
  const old = stateOf(fixture.power())
  await step.run(bench, fixture.power())
  const after = stateOf(fixture.power())
  fixture.medium.restore(before)
  return {
    name: step.name,
    prepare: () => before,
    run: (medium) => step.run(bench, fixture.power(medium)),
    check(medium: Medium): Verdict {
      const found = stateOf(fixture.power(medium))
      if (found === after) return 'new'
      if (found === old) return 'old'
      throw new Error(`neither old nor new:\n${found}\nold:\n${old}\nnew:\n${after}`)
    },
    repeatable: true,
  }
}

/** Everything of the memory that the step may change, but for signatures, which differ from run to run. */
function stateOf({ parts }: Module): string {
  const { definitions, events, nvm, objects } = parts
  const zone = nvm.zones.resources
  memoryMap(objects, definitions.segments())
  const lines = [
    ...definitions
      .list()
      .map((one) =>
        JSON.stringify(one, (_, value) => (value instanceof Uint8Array ? encodeHex(value) : value)),
      ),
    encodeHex(nvm.read(zone.start, zone.end - zone.start)),
    `events ${events.head()!.number}`,
    `load receipt ${objects.find('receipt', receiptIds.load + 1)?.length ?? 'none'}`,
    encodeHex(definitions.room()),
  ]
  return lines.join('\n')
}

async function makeBench(): Promise<Bench> {
  const world = await resourceWorld({ eepromSize: 32 * 1024 })
  const { crypto, fixture, supplier } = world
  const documents = new Map<Draft['type'], Uint8Array>()
  for (const draft of drafts) documents.set(draft.type, await document(world, draft))
  const program = wat(
    `(module (memory 1) (data (i32.const 0) "${'p'.repeat(400)}") (func (export "process")))`,
  )
  const key = crypto.sha256(ascii('key')).slice(0, 16)
  const { document: plan, blocks } = draftPackage(crypto, {
    manifest: {
      ...{ module: fixture.serial, resource: 1, version: 1, blockSize: 256 },
      package: crypto.sha256(ascii('package')).slice(0, 16),
    },
    ...{ program, data: new Uint8Array(200).fill(0xd7), key },
    supplierPoint: await supplier.vault.publicPoint('supplier'),
  })
  const manifest = plan.finish(await supplier.vault.sign('supplier', plan.toBeSigned))
  const digest = crypto.sha256(manifest)
  const sealed = sealPackageKey(crypto, {
    ...{ key, manifestDigest: digest },
    modulePoint: fixture.personalization!.operating.publicPoint,
    ephemeralScalar: privateScalar(crypto, supplier.entropy.bytes(48)),
  })
  const data = serializeLoadManifest(manifest, sealed)
  return { world, data, blocks: loadBlocks(crypto, { blocks }), digest, documents }
}

async function send({ documents }: Bench, module: Module, type: Draft['type']): Promise<void> {
  const { ins } = commands.OPERATE
  const sent = command({ cla: 0x80, ins, p1: 0, p2: 0, data: documents.get(type)!, le: 0x100 })
  await exchange(inProcess(module), sent)
}

async function load(bench: Bench, module: Module, count: number, andSwitch: boolean): Promise<void> {
  const channel = await supplierChannel(repowered(bench.world, module))
  await channel.exchange('LOAD MANIFEST', { data: bench.data })
  for (const block of bench.blocks.slice(0, count)) {
    await channel.exchange('LOAD BLOCK', { data: serializeLoadBlock(block) })
  }
  if (andSwitch) await channel.exchange('LOAD SWITCH', { data: bench.digest })
}
