export { type DeliveredChip, type Delivery, readDelivery } from './delivery.ts'
export { discarded, type Mounted, type MountInput, mount } from './mount.ts'
export { type MountLotInput, type MountRow, mountLot } from './mount-lot.ts'
