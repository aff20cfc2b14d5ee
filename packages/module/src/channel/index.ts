export { type ChannelKind, type ChannelPurpose, Channels, type OpenChannel } from './channels.ts'
