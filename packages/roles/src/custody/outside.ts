import { encodeHex } from '@sealwright/core/bytes'
import { dataTags } from '@sealwright/core/catalog'
import { PeerError, RefusedError } from '@sealwright/core/errors'
import {
  type OutsideDigest,
  outsideKinds,
  parseOutsideDigests,
  parseOutsideObjects,
} from '@sealwright/core/personalization'
import type { Channel } from '../channel/index.ts'
import { readData } from './head.ts'

/** What the module has outside, by its hash; nothing for one that keeps all inside. */
export async function readOutsideDigests(channel: Channel): Promise<OutsideDigest[]> {
  return parseOutsideDigests((await readData(channel, dataTags.outsideObjects)) ?? new Uint8Array(0))
}

/**
 * Lays what the apparatus keeps before the module, which uses it until its next reset. PeerError `outside-differs` where the module has
 * another hash: the file was changed, or is another module's.
 */
export async function presentOutside(channel: Channel, file: Uint8Array): Promise<void> {
  for (const { kind, id, bytes } of parseOutsideObjects(file)) {
    try {
      await channel.send('PRESENT OBJECT', { p1: outsideKinds[kind].code, p2: id, data: bytes })
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== 'module-wrong-data') throw error
      throw new PeerError(
        `the ${kind} ${id} that is kept outside is not the one that the module has the hash of`,
        {
          code: 'outside-differs',
          details: { kind, id: encodeHex(Uint8Array.of(id)) },
          cause: error,
        },
      )
    }
  }
}
