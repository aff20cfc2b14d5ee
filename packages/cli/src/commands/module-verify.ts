import { encodeHex } from '@sealwright/core/bytes'
import { keyAsksPassphrase, type PageFinding, verifyChip } from '@sealwright/node/medium'
import type { Command } from 'commander'
import { type Context, failing, report, type Step, table } from '../framework/index.ts'

export function registerVerify(module: Command, context: Context): void {
  context.verb(module, {
    name: 'verify <file>',
    summary: 'look through a chip file, and change nothing',
    about:
      'Checks header, key, every page, the seal over all of them, the rollback counter, journal, one-time memory, ROM, directory and the chain of events. Pages that a power cut tore (torn: the next start heals them) are told from pages that somebody changed (tampered) or put back to an earlier content (stale), each with its area and whose bytes are in it. Nothing is healed and no lock is taken. What cannot be checked without the key is told as unverified. It ends with 0 when everything was checked and is good.',
    reads: ['FILE: the chip file', 'its key file'],
    examples: ['module verify cash.chip', 'module verify cash.chip --json'],
    chips: 'one',
    run: verify,
  })
}

async function verify(step: Step) {
  const name = step.argument(0)
  const { findings, pages, code, version, chipId } = verifyChip(step.path(name), await optionsFor(step, name))
  const told = {
    file: name,
    ...(version === undefined ? {} : { version }),
    ...(chipId === undefined ? {} : { chip: encodeHex(chipId).toLowerCase() }),
    verified: code === undefined,
    findings,
    pages,
  }
  const found = report(
    told,
    ...table(
      ['check', 'outcome', ''],
      findings.map(({ check, verdict, text }) => [check, verdict, text]),
    ),
    ...(pages.length === 0 ? [] : ['', ...pageTable(pages)]),
  )
  return code === undefined ? found : failing(code, found)
}

/** Without a passphrase, and without somebody to ask for one, the rest is unverified and not refused. */
async function optionsFor(step: Step, name: string) {
  const keys = step.newChipKeys()
  const canAsk = step.optional('chip-passphrase') !== undefined || step.terminal.askSecret !== undefined
  return keyAsksPassphrase(step.path(name), keys) && !canAsk ? { keys } : step.chipOptions(name)
}

function pageTable(pages: readonly PageFinding[]): string[] {
  return table(
    ['page', 'area', 'is', 'holds'],
    pages.map(({ page, area, kind, owners }) => [String(page), area, kind, owners.join(', ') || '–']),
  )
}
