import { equal } from '@sealwright/core/bytes'
import {
  type LoaderKeyEntry,
  type LoaderKeyOrder,
  parseLoaderKeyEntry,
  serializeLoaderKeyOrder,
} from '@sealwright/core/key-download'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { endChannel, plain } from '../channel/index.ts'
import { inDocumentChannel, moduleStep, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { readList } from './list.ts'

export interface MadeKey {
  readonly entry: LoaderKeyEntry
  readonly entries: readonly LogEntry[]
}

/** Has the loader card make an application key, which never leaves it in clear. What the order fixes cannot be changed later. */
export async function makeKey(
  ports: PartyPorts,
  transport: Transport,
  order: LoaderKeyOrder,
): Promise<MadeKey> {
  const data = serializeLoaderKeyOrder(order)
  await endChannel(transport)
  const channel = plain(transport)
  const { serial } = await readHead(channel)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'loader key new',
    types: ['key-made'],
    details: { key: order.source },
    // After a broken connection: the key is there if the card had heard the order.
    async settle() {
      const { keys } = await inDocumentChannel(ports, transport, serial, readList)
      return keys.find((entry) => equal(serializeLoaderKeyOrder(entry), data))
    },
    run: () =>
      inDocumentChannel(ports, transport, serial, async (loader) =>
        parseLoaderKeyEntry(await loader.send('MAKE KEY', { data })),
      ),
  })
  return { entry: result, entries }
}
