import { openModuleFile } from '../../src/transport/index.ts'
import { insertCard } from '../../src/vpcd/index.ts'

// Run as a process of its own: CHIP PORT N before|after|never. It dies at its N-th command (or the first with instruction XX: ins:XX), as a
// card does that is pulled, or takes two seconds for it.

const [file = '', port = '', at = '', when = ''] = process.argv.slice(2)
const { module } = openModuleFile(file)
const instruction = at.startsWith('ins:') ? Number.parseInt(at.slice(4), 16) : undefined
let commands = 0

await insertCard(
  {
    transmit(command) {
      commands++
      const last = instruction === undefined ? commands === Number(at) : command[1] === instruction
      if (last && when === 'before') process.kill(process.pid, 'SIGKILL')
      const answer = module.transmit(command)
      if (last && when === 'never') return new Promise((done) => setTimeout(() => done(answer), 2000))
      if (last) process.kill(process.pid, 'SIGKILL')
      return answer
    },
    reset: () => module.reset(),
  },
  {
    port: Number(port),
    onEvent: ({ event }) => console.log(event),
  },
)
