import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseCertificate, pemToCertificates } from '@sealwright/core/x509'
import { commandLineJson } from './run.ts'

/** The command lines that the demo printed, as a shell takes them. */
export function printedLines(stdout: string): string[] {
  return [...stdout.matchAll(/^ +\$ (sealwright .*)$/gm)].map(([, line]) => line!)
}

/** The words behind `sealwright` of a line that knows quotes and nothing else of a shell. */
export function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/['"]/g, ''),
  )
  if (words[0] !== 'sealwright') throw new Error(`not a command line of sealwright: ${line}`)
  return words.slice(1)
}

/** What one run of the story leaves that does not hang on keys and times: any two runs must agree. */
export interface Outcome {
  /** `SERIAL NUMBER EVENT PARTY`, in the order of each module's own chain. */
  readonly events: readonly string[]
  /** `file: subject < issuer, role`. */
  readonly certificates: readonly string[]
  /** For each chip, `owner: name` of every segment in use. */
  readonly maps: Readonly<Record<string, readonly string[]>>
}

export async function outcomeOf(folder: string): Promise<Outcome> {
  const { json } = await commandLineJson(folder, ['log', 'show'])
  const leaves = json['leaves'] as { module: string; number: number; event: string; party: string }[]
  const certificates = certificateFiles(folder).map(
    ({ name, certificate: { subject, issuer, role } }) =>
      `${name}: ${JSON.stringify(subject)} < ${JSON.stringify(issuer)}, ${role}`,
  )
  const maps: Record<string, string[]> = {}
  for (const chip of readdirSync(join(folder, 'chips')).filter((name) => name.endsWith('.chip'))) {
    const map = await commandLineJson(folder, ['module', 'map', '--module', join('chips', chip)])
    const segments = map.json['segments'] as { owner: string; name: string }[]
    maps[chip] = segments
      .filter(({ owner }) => owner !== 'free')
      .map(({ owner, name }) => `${owner}: ${name}`)
      .sort()
  }
  const events = leaves.map(({ module, number, event, party }) => `${module} ${number} ${event} ${party}`)
  return { events: events.sort(), certificates, maps }
}

/** Every certificate under certs/. */
export function certificateFiles(folder: string) {
  return readdirSync(join(folder, 'certs'))
    .sort()
    .map((name) => {
      const ders = pemToCertificates(readFileSync(join(folder, 'certs', name), 'utf8'))
      if (ders.length !== 1) throw new Error(`${name} holds ${ders.length} certificates`)
      return { name, certificate: parseCertificate(ders[0]!) }
    })
}
