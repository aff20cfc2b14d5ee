import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const launcher = fileURLToPath(new URL('../../packages/cli/bin/sealwright.js', import.meta.url))

/** `sealwright module run FILE --tcp` as a process of its own, on any free port. */
export async function startModuleOnTcp(chip: string): Promise<{ port: number; stop(): Promise<void> }> {
  const words = [launcher, 'module', 'run', chip, '--tcp', '127.0.0.1:0', '--json']
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'close')
  const port = await new Promise<number>((done, failed) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { event, where } = JSON.parse(line) as { event: string; where?: string }
      if (event === 'listening') done(Number(where!.split(':').at(-1)))
    })
    child.once('close', () => failed(new Error('module run ended before it listened')))
  })
  return {
    port,
    async stop() {
      child.kill()
      await ended
    },
  }
}
