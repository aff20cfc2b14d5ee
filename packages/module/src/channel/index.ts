export {
  type ChannelKind,
  type ChannelPurpose,
  Channels,
  type OpenChannel,
  type PendingChannel,
} from './channels.ts'
export type { ChannelPeer } from './peer.ts'
