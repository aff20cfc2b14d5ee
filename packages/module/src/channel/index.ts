export { Channels, type OpenChannel } from './channels.ts'
