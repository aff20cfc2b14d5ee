import { type LoaderList, parseLoaderList } from '@sealwright/core/key-download'
import type { Transport } from '@sealwright/core/ports'
import { type Channel, endChannel, plain } from '../channel/index.ts'
import { inDocumentChannel, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'

/** Sets and application keys of a loader card, by their check values. */
export async function list(ports: PartyPorts, transport: Transport): Promise<LoaderList> {
  await endChannel(transport)
  const { serial } = await readHead(plain(transport))
  return inDocumentChannel(ports, transport, serial, readList)
}

export async function readList(loader: Channel): Promise<LoaderList> {
  return parseLoaderList(await loader.send('LIST KEYS'))
}
