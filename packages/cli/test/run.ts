import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { main } from '../src/main.ts'

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const launcher = fileURLToPath(new URL('../bin/sealwright.js', import.meta.url))

/** Runs the real command as a process of its own. */
export function sealwright(cwd: string, args: readonly string[], input = ''): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    cwd,
    input,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  return { status, stdout, stderr }
}

/** Runs the same command line in this process, which saves the start of a new one. */
export async function commandLine(cwd: string, args: readonly string[], input = ''): Promise<Ran> {
  const out: string[] = []
  const talk: string[] = []
  const status = await main(args, {
    cwd,
    print: (line) => out.push(`${line}\n`),
    say: (text) => talk.push(`sealwright: ${text}\n`),
    readInput: () => new TextEncoder().encode(input),
    readDescriptor: () => new Uint8Array(0),
  })
  return { status, stdout: out.join(''), stderr: talk.join('') }
}

/** The same with `--json`: the one object on stdout. */
export async function commandLineJson(
  cwd: string,
  args: readonly string[],
): Promise<Ran & { readonly json: JsonObject }> {
  const ran = await commandLine(cwd, [...args, '--json'])
  return { ...ran, json: JSON.parse(ran.stdout) as JsonObject }
}

// biome-ignore lint/suspicious/noExplicitAny: what a command prints is what the test looks into
export type JsonObject = Record<string, any>
