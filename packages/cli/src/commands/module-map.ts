import { UsageError } from '@sealwright/core/errors'
import { nodeCrypto, nodeEntropy } from '@sealwright/node/crypto'
import { ChipDraft } from '@sealwright/node/medium'
import type { Command } from 'commander'
import { type Context, moduleAddress, report, type Step } from '../framework/index.ts'
import { readMemoryMap } from '../pictures/memory-map.ts'
import { memorySvg } from '../pictures/memory-svg.ts'
import { memoryText } from '../pictures/memory-text.ts'

export function registerMap(module: Command, context: Context): void {
  context.verb(module, {
    name: 'map',
    summary: "draw the module's memory with its tenants",
    about:
      "Draws all of a chip's memory: what lies where in ROM and which of its functions a vector reaches; EEPROM by address, with the owner of every byte; the one-time bits; the journal, where a power cut may have left a transaction; and how often each page was written. It looks into the chip file itself, since no APDU gives this away; so it works with files only. It reads the file into RAM and changes nothing in it. With --svg the picture goes into a file that any browser shows, and not to the screen. No content is shown, only places.",
    reads: ['FILE: the chip file, and its key file'],
    writes: ['--svg FILE: the picture as SVG'],
    examples: ['module map --module cash.chip', 'module map --module cash.chip --svg cash.svg'],
    options: [{ flags: '--svg <file>', text: 'draw it into this file, as SVG' }],
    module: 'required',
    async run(step) {
      const map = await readChip(step)
      const file = step.optional('svg')
      if (file === undefined) return report({ ...map }, ...memoryText(map, step.terminal.columns))
      step.writeFile(file, new TextEncoder().encode(memorySvg(map)))
      return report({ ...map, svg: file }, `picture of the memory: ${file}`)
    },
  })
}

async function readChip(step: Step) {
  const name = step.optional('module')
  if (name === undefined || moduleAddress(name).kind !== 'file') {
    // That a reader cannot be reached is told first.
    if (name === undefined) await step.module()
    throw new UsageError('the memory of a module behind a line cannot be seen: name its chip file')
  }
  const draft = ChipDraft.load(step.path(name), await step.chipOptions(name))
  try {
    return readMemoryMap({ medium: draft.medium, crypto: nodeCrypto, entropy: nodeEntropy })
  } finally {
    draft.close()
  }
}
