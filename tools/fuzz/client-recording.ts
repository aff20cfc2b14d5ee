import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { scriptedEntropy } from '@sealwright/core/testing'
import { Module } from '@sealwright/module'
import { plainModule, transportTo } from '@sealwright/module/testing'
import { RecordedClient, type Recording } from '../../packages/node/test/clients/recorded.ts'
import { root } from '../files.ts'
import { listen, type Recorded } from './recording.ts'
import { insecureStampingCrypto as crypto } from './stamping-crypto.ts'

/**
 * Plays what the clients of `vectors/clients` sent to a plain GlobalPlatform card, and writes down what the card heard. Each session begins
 * with what those before it left.
 */
export async function recordClients(): Promise<{ recorded: Recorded[]; blobs: Uint8Array[] }> {
  const recorded: Recorded[] = []
  const blobs = new Map<string, Uint8Array>()
  const folder = join(root, 'vectors/clients')
  for (const file of readdirSync(folder).sort()) {
    const recording = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Recording
    const client = file.replace(/\.json$/, '')
    const { medium } = plainModule({ crypto, seed: client })
    for (const session of recording.sessions) {
      const name = `${client}, ${session.name}`
      const heard: Recorded & { steps: Recorded['steps'][number][] } = {
        ...{ name, snapshot: medium.snapshot(), seed: name },
        steps: [],
      }
      const module = new Module({ medium, crypto, entropy: scriptedEntropy(name) })
      listen(module, heard.steps, (bytes) => void blobs.set(bytes.join(), bytes.slice()))
      const world = { crypto, entropy: scriptedEntropy(`${name}, host`) }
      await new RecordedClient(recording, transportTo(module), world).run(session)
      recorded.push(heard)
    }
  }
  return { recorded, blobs: [...blobs.values()] }
}
