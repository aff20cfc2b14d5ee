import { equal } from '@sealwright/core/bytes'
import { RefusedError } from '@sealwright/core/errors'
import {
  type LoaderKeyEntry,
  type LoaderKeyOrder,
  parseLoaderKeyEntry,
  serializeLoaderKeyOrder,
} from '@sealwright/core/key-download'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { endChannel, plain } from '../channel/index.ts'
import { documentHead, inDocumentChannel, moduleStep, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { readList } from './list.ts'

export interface MadeKey {
  readonly entry: LoaderKeyEntry
  readonly entries: readonly LogEntry[]
}

/**
 * Has the loader card make an application key, which never leaves it in clear. What the order fixes cannot be changed later. The same
 * order again makes no second key.
 */
export async function makeKey(
  ports: PartyPorts,
  transport: Transport,
  order: LoaderKeyOrder,
): Promise<MadeKey> {
  const data = serializeLoaderKeyOrder(order)
  await endChannel(transport)
  const channel = plain(transport)
  const { serial } = await readHead(channel)
  const made = async (): Promise<LoaderKeyEntry | undefined> => {
    const { keys } = await inDocumentChannel(ports, transport, serial, readList)
    return keys.find((entry) => equal(serializeLoaderKeyOrder(entry), data))
  }
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'loader key new',
    types: ['key-made'],
    details: { key: order.source },
    proven: () => documentHead(ports, transport),
    settle: made,
    async run() {
      try {
        return await inDocumentChannel(ports, transport, serial, async (loader) =>
          parseLoaderKeyEntry(await loader.send('MAKE KEY', { data })),
        )
      } catch (error) {
        const known = error instanceof RefusedError ? await made() : undefined
        if (known === undefined) throw error
        return known
      }
    },
  })
  return { entry: result, entries }
}
