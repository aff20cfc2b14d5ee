export { type Channel, type CommandInput, endChannel, type Instruction, plain } from './channel.ts'
export {
  type EphemeralInput,
  openDhSigned,
  openEphemeral,
  openSignedKey,
  type SignedInput,
} from './general-authenticate.ts'
export { refused } from './refused.ts'
export { openLentScp03, openScp03, type Scp03Input } from './scp03.ts'
export { openScp11a, openScp11b, type Scp11aInput, type Scp11bInput } from './scp11.ts'
