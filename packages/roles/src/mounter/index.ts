export { discarded, type Mounted, type MountInput, mount } from './mount.ts'
