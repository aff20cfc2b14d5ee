import { Reader } from '@sealwright/core/bytes'
import {
  type ChannelForm,
  type ChannelLevel,
  channelLevelOf,
  defaultChannelLevel,
  meetsLevel,
  productDataIds,
} from '@sealwright/core/catalog'
import type { OpenChannel } from '../channel/index.ts'
import type { Objects } from '../eeprom/index.ts'
import type { Parts } from '../parts.ts'

/** The least channel that the product lets personalization run in. A level that is not known is a DecodeError: nothing runs. */
export function readChannelPolicy(objects: Objects): ChannelLevel {
  const bytes = objects.read('product-data', productDataIds.channelPolicy)
  if (bytes === undefined) return defaultChannelLevel
  const r = new Reader(bytes, 'channel policy')
  const level = channelLevelOf(r.u8('level'))
  r.end()
  if (level === undefined) throw r.fail('the level is not known')
  return level
}

/** Whether BEGIN and COMPLETE may come in this channel, or without one on a direct line. */
export function servesPersonalization(
  { objects, directLine }: Pick<Parts, 'objects' | 'directLine'>,
  channel: OpenChannel | undefined,
): boolean {
  const form = formOf(channel)
  if (form === 'none' && !directLine()) return false
  return form !== undefined && meetsLevel(form, readChannelPolicy(objects))
}

function formOf(channel: OpenChannel | undefined): ChannelForm | undefined {
  if (channel === undefined) return 'none'
  if (channel.kind === 'document') return 'document-key'
  return channel.kind === 'personalization' ? channel.form : undefined
}
