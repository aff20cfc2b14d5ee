/**
 * The process of a card: a module in a chip file, behind a TCP port. Its first command is UNLOCK, whose data it gets hidden under a mask,
 * so that nothing but the command itself ever holds them; then the host speaks to it over the port. A word on standard input collects.
 * Arguments: chip file, file with the hidden data. Says the port, then `collected` for each word.
 */
import { readFileSync } from 'node:fs'
import { nodeCrypto } from '../../src/crypto/index.ts'
import { listenTcp, openModuleFile } from '../../src/transport/index.ts'
import { plantedIn } from './planted.ts'

const [chip, hidden] = process.argv.slice(2) as [string, string]
const { module } = openModuleFile(chip)
const planted = plantedIn(nodeCrypto)
const command = new Uint8Array(new ArrayBuffer(5 + 64))
command.set([0x80, 0x36, 0, 0, 64])
for (const [i, byte] of readFileSync(hidden).entries()) command[5 + i] = byte ^ mask(i)
const answer = module.transmit(command)
command.fill(0)
const listener = await listenTcp(() => ({
  transmit: async (bytes) => module.transmit(bytes),
  close: async () => module.reset(),
}))
process.stdout.write(`${listener.port} ${answer.join(' ')}\n`)
process.stdin.on('data', () => {
  for (let i = 0; i < 8; i++) (globalThis as unknown as { gc(): void }).gc()
  // Named here, the planted one lives as long as the process.
  process.stdout.write(planted.length > 0 ? 'collected\n' : '')
})

function mask(i: number): number {
  return (i * 37 + 11) & 0xff
}
