import { dirname, resolve } from 'node:path'
import { encodeHex, wipe } from '@sealwright/core/bytes'
import { parseChangeFile } from '@sealwright/core/customization'
import { UsageError } from '@sealwright/core/errors'
import { keepPapers } from '@sealwright/roles/custody'
import { laterCustomize, makeSam } from '@sealwright/roles/issuer'
import type { Command } from 'commander'
import { type Context, fields, report, type Step } from '../framework/index.ts'

/** Of `issuer customize` and `issuer later-customize`: the second module that a step works with. */
export const samOption = {
  flags: '--sam <module>',
  text: 'the SAM: a chip file, tcp:HOST:PORT, serial:DEVICE?baud=N, or reader:NAME',
}

/** The verbs of the issuer for modules in user mode. */
export function registerLaterCustomization(issuer: Command, context: Context): void {
  const sam = context.group(
    issuer,
    'sam',
    'the SAM that opens modules for later customization',
    'A SAM is a module of the product sam. It makes and keeps the master key under which the customization keys of your modules are sealed, and gives you the keys of one session at a time; neither the master key nor a customization key ever leaves it.',
  )
  context.verb(sam, {
    name: 'new',
    summary: 'have a SAM make its master key',
    about:
      'Has the SAM make its master key, once in its life. Whoever has the SAM and its document key can change the software of every module whose key it sealed: keep both, and apart. With --sessions it opens so many sessions with modules and no more, which nothing changes later. Asked again it says how it stands.',
    reads: ['your vault: the document key of the SAM, which you customized', '--papers FILE, where given'],
    writes: ['your outbox: the entry for the log'],
    examples: ['issuer sam new --module chips/sam.chip --sessions 500'],
    module: 'required',
    options: [
      { flags: '--sessions <count>', text: 'sessions that it may ever open (default: no limit)' },
      {
        flags: '--papers <file>',
        text: 'the papers of the SAM, where its document key is not in your vault: one of a lot, or of another issuer',
      },
    ],
    async run(step) {
      const sessions = step.number('sessions')
      const papers = step.optional('papers')
      if (papers !== undefined) await keepPapers(step.party('issuer'), step.readFile(papers))
      const made = await makeSam(step.party('issuer'), await step.module(), {
        ...(sessions === undefined ? {} : { sessions }),
      })
      const { checkValue, sessionsLeft } = made
      const serial = encodeHex(made.serial)
      return report(
        { serial, made: made.made, checkValue, sessionsLeft: sessionsLeft ?? null },
        ...fields({
          SAM: `${serial}${made.made ? '' : ' (made before)'}`,
          'check value': encodeHex(checkValue),
          'sessions left': sessionsLeft ?? 'no limit',
        }),
      )
    },
  })

  context.verb(issuer, {
    name: 'later-customize',
    summary: 'change the software of a module in user mode, through its SAM',
    about:
      "Writes software, vectors, data, key places and keys into a module that was customized with --later-customization. The SAM recovers the module's customization key inside itself and gives the keys of this one session. Everything long is written beside what runs; the last command puts all of it in force at once, so that an interruption leaves the module as it was or changed whole. The mode stays user. What other parties rely on cannot be changed: trusted keys, the module's identity, keys of channels and transport keys, native commands.",
    reads: [
      '--change FILE: JSON, see docs/SPEC/later-customization.md, section 5',
      'the WebAssembly files that it names, from its folder',
      'your vault: the document key of the SAM',
    ],
    writes: ['your outbox: the entries for the log, of module and SAM'],
    examples: [
      'issuer later-customize --module chips/cash.chip --sam chips/sam.chip --change updates/receipt.json',
    ],
    module: 'required',
    options: [
      { ...samOption, required: true },
      { flags: '--change <file>', text: 'what is to change', required: true },
      {
        flags: '--key <place=file>',
        text: 'an AES key for a place of the change, from a file, - or fd:N (may be repeated)',
        many: true,
      },
    ],
    async run(step) {
      const file = step.option('change')
      const change = parseChangeFile(step.readFile(file))
      const programs = Object.fromEntries(
        (change.software ?? []).map(({ wasm }) => [
          wasm,
          step.readFile(resolve(dirname(step.path(file)), wasm)),
        ]),
      )
      const keys = await keysOf(step)
      try {
        const done = await laterCustomize(step.party('issuer'), await step.module(), {
          ...{ change: { ...change, keys }, programs },
          sam: await step.openModule(step.option('sam')),
        })
        const [serial, sam] = [encodeHex(done.serial), encodeHex(done.sam)]
        return report(
          { serial, sam, writes: done.writes },
          ...fields({ module: serial, SAM: sam, 'CUSTOMIZE commands': done.writes }),
        )
      } finally {
        for (const { key } of keys) wipe(key)
      }
    },
  })
}

async function keysOf(step: Step): Promise<{ place: number; key: Uint8Array }[]> {
  const keys: { place: number; key: Uint8Array }[] = []
  for (const text of step.many('key')) {
    const match = /^([0-9A-Fa-f]{8})=(.+)$/.exec(text)
    if (match === null) throw new UsageError('--key: expected PLACE=FILE, the place as 8 hexadecimal digits')
    const place = Number.parseInt(match[1]!, 16)
    keys.push({ place, key: await step.secretFrom(match[2]!, `the key for place ${match[1]}`) })
  }
  return keys
}
