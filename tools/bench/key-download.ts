import { u32 } from '@sealwright/core/bytes'
import { parseModulePapers } from '@sealwright/core/customization'
import { type Profile, parseKeyReceipt } from '@sealwright/core/key-download'
import { inProcess } from '@sealwright/node/transport'
import { type Channel, plain } from '@sealwright/roles/channel'
import { inDocumentChannel, keepPapers } from '@sealwright/roles/custody'
import { fuelKeyPlace, fuelKeySource } from '@sealwright/roles/issuer'
import { installTransportKey, makeKey, makeSet } from '@sealwright/roles/loader'
import { lifeUpTo, powered } from './lives.ts'
import type { Flow } from './measure.ts'

interface Prepared {
  readonly module: Channel
  readonly request: Uint8Array
}

const modules = 20
const set = 1
const suite = 0xa101

/** EXPORT KEY at a loader in its channel, IMPORT KEY at a module with its commit. PREPARE comes before, not measured. */
export function keyDownload(profile: Profile): Flow<Prepared> {
  return {
    name: `key download, ${profile}`,
    text: 'EXPORT KEY in its SCP03 channel, both ends, and IMPORT KEY with its commit',
    operations: modules,
    rows: 6,
    async setUp(crypto) {
      const life = await lifeUpTo(crypto, 'set new')
      const ports = await life.party('loader')
      const loader = inProcess(powered(life, 'loader'))
      const terminal = inProcess(powered(life, 'terminal'))
      for (const chip of ['loader', 'terminal']) await keepPapers(ports, life.file(`${chip}.papers`))
      await makeSet(ports, loader, { set, profile, suite })
      await makeKey(ports, loader, {
        source: fuelKeySource,
        set,
        diversified: false,
        exportsLeft: undefined,
        attributes: { usage: 'M6', algorithm: 'A', mode: 'C', version: 1, exportability: 'N', keyLength: 16 },
        modules: { rule: 'all-but', serials: [] },
      })
      await installTransportKey(ports, terminal, { set })
      const { serial } = parseModulePapers(life.file('loader.papers'))
      const channel = await openChannel(ports, loader, serial)
      // One module keeps one R: as many as a row has operations, each a copy of the first.
      const snapshot = life.chips.get('terminal')!.snapshot()
      const terminals = Array.from({ length: modules }, () => {
        life.restore('terminal', snapshot)
        return plain(inProcess(powered(life, 'terminal')))
      })
      let next = 0
      return {
        async before() {
          const module = terminals[next++ % modules]!
          return { module, request: await module.send('PREPARE', { data: u32(fuelKeyPlace) }) }
        },
        async run({ module, request }) {
          const message = await channel.send('EXPORT KEY', { data: request })
          parseKeyReceipt(await module.send('IMPORT KEY', { p1: suite & 0xff, data: message }))
        },
      }
    },
  }
}

/** A document channel that stays open. */
function openChannel(...[ports, transport, serial]: ChannelInput): Promise<Channel> {
  return new Promise((resolve, reject) => {
    inDocumentChannel(ports, transport, serial, (channel) => {
      resolve(channel)
      return new Promise(() => {})
    }).catch(reject)
  })
}

type ChannelInput = [
  Parameters<typeof inDocumentChannel>[0],
  Parameters<typeof inDocumentChannel>[1],
  Uint8Array,
]
