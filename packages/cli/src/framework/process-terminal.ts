import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { onFile } from '@sealwright/node/files'
import type { Terminal } from './terminal.ts'

/** The terminal of this process. */
export function processTerminal(): Terminal {
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return {
    cwd: process.cwd(),
    environment: process.env,
    ...(process.stdout.isTTY ? { columns: process.stdout.columns } : {}),
    print: (line) => void process.stdout.write(`${line}\n`),
    say: (text) => void process.stderr.write(`sealwright: ${text}\n`),
    onInterrupt,
    onStop: (stop) => onSignals(() => stop()),
    readInput: () => onFile('standard input', () => new Uint8Array(readFileSync(0))),
    readDescriptor: (descriptor) =>
      onFile(`descriptor ${descriptor}`, () => new Uint8Array(readFileSync(descriptor))),
    ...(process.stdin.isTTY ? { askSecret } : {}),
  }
}

async function askSecret(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  process.stderr.write(question)
  try {
    return await new Promise((done) => lines.question('', done))
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

/** Ends the process as the signal would have done: 128 and its number. */
function onInterrupt(clean: () => void): () => void {
  return onSignals((number) => {
    clean()
    process.exit(128 + number)
  })
}

function onSignals(act: (number: number) => void): () => void {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
  const listeners = Object.entries(numbers).map(([signal, number]): [string, () => void] => [
    signal,
    () => act(number),
  ])
  for (const [signal, listener] of listeners) process.on(signal, listener)
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}
