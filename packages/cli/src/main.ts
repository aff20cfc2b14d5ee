import { readFileSync } from 'node:fs'

const argument = process.argv[2]
if (argument === '--version') {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  process.stdout.write(`${(JSON.parse(text) as { version: string }).version}\n`)
} else if (argument === undefined || argument === '--help') {
  process.stdout.write('Usage: sealwright <command> [options]\n')
} else {
  process.stderr.write(`sealwright: error: unknown command ${argument}\n`)
  process.exitCode = 2
}
