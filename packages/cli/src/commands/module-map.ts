import type { Command } from 'commander'
import { type Context, report } from '../framework/index.ts'
import { memoryPicture, memoryTable } from '../pictures/memory.ts'
import { readMap } from '../pictures/memory-map.ts'

export function registerMap(module: Command, context: Context): void {
  context.verb(module, {
    name: 'map',
    summary: "draw the module's memory with its tenants",
    about:
      'Draws EEPROM by address: who owns which bytes. It looks into the chip file itself, since no APDU gives this away; so it works with files only.',
    examples: ['module map --module cash.chip'],
    module: 'required',
    async run(step) {
      const map = readMap(await step.module())
      return report({ ...map }, ...memoryPicture(map, step.terminal.columns), '', ...memoryTable(map))
    },
  })
}
