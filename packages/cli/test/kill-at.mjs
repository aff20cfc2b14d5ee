// Loaded before the command by --import: kills the process, as `kill -9` does, right before its n-th step on the file system.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const wanted = Number(process.env.SEALWRIGHT_TEST_KILL_AT)
let steps = 0
for (const name of [
  'writeSync',
  'writeFileSync',
  'appendFileSync',
  'fsyncSync',
  'renameSync',
  'linkSync',
  'rmSync',
  'unlinkSync',
]) {
  const real = fs[name]
  fs[name] = (...args) => {
    steps += 1
    if (steps === wanted) process.kill(process.pid, 'SIGKILL')
    return real(...args)
  }
}
syncBuiltinESMExports()
process.on('exit', () => {
  if (process.env.SEALWRIGHT_TEST_STEPS) fs.writeFileSync(process.env.SEALWRIGHT_TEST_STEPS, String(steps))
})
