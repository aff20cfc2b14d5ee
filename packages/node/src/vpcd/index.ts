export {
  defaultAtr,
  insertCard,
  type VirtualCard,
  type VpcdEvent,
  type VpcdOptions,
  vpcdHost,
  vpcdPort,
} from './card.ts'
export {
  parseVpcdFrame,
  parseVpcdMessage,
  serializeVpcdFrame,
  serializeVpcdMessage,
  type VpcdControl,
  VpcdFrames,
  type VpcdMessage,
} from './messages.ts'
