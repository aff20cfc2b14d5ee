import { scriptedEntropy } from '@sealwright/core/testing'
import { Module } from '@sealwright/module'
import { RamMedium } from '@sealwright/module/medium'
import { type CardBench, orderedSerial, signingCardBench } from '@sealwright/module/testing'
import { listen, type Recorded } from './recording.ts'
import { insecureStampingCrypto as crypto } from './stamping-crypto.ts'

/** What a signing card hears when everything is right: its making, and orders, certificates, documents and its log after that. */
export async function recordCard(): Promise<{ recorded: Recorded[]; blobs: Uint8Array[] }> {
  const blobs = new Map<string, Uint8Array>()
  const keep = (bytes: Uint8Array) => void blobs.set(bytes.join(), bytes.slice())
  const fixture = { eepromSize: 32 * 1024 }
  const recorded: Recorded[] = []
  const record = async (name: string, bench: CardBench, work: () => Promise<void>): Promise<void> => {
    const heard: Recorded & { steps: Recorded['steps'][number][] } = {
      ...{ name, snapshot: bench.fixture.medium.snapshot(), seed: name },
      steps: [],
    }
    const medium = RamMedium.from(heard.snapshot)
    bench.module = new Module({ medium, crypto, entropy: scriptedEntropy(name) })
    listen(bench.module, heard.steps, keep)
    await work()
    recorded.push(heard)
  }
  const blank = await signingCardBench({ crypto, fixture, until: 'blank' })
  const made = await signingCardBench({ crypto, fixture, until: 'key' })
  await record('signing card, blank', blank, async () => {
    await blank.speakProtected('MAKE UNIT KEY', blank.keyOrder)
  })
  await record('signing card, with its key', made, async () => {
    await made.speak('STORE UNIT CERTIFICATE', made.unit.encoded)
    await made.speak('ADMINISTER', made.people.signRoster())
    await made.speak('ADMINISTER', made.ticket())
    await made.log()
  })
  const ready = await signingCardBench({ crypto, fixture })
  await record('signing card, ready', ready, async () => {
    const begin = await ready.order()
    const request = ready.request(ready.orderedModule(orderedSerial), begin)
    await ready.issue(request)
    await ready.issue(request)
    await ready.speak('ADMINISTER', ready.ticket({ number: 2, count: 1 }))
    const { log } = await ready.state()
    await ready.speak('ADMINISTER', ready.acknowledgement({ number: log.number, chain: log.chain }))
    await ready.log()
  })
  return { recorded, blobs: [...blobs.values()] }
}
