import { openModuleFile } from '../../src/transport/index.ts'
import { insertCard } from '../../src/vpcd/index.ts'

// Run as a process of its own: CHIP PORT N before|after|never. It dies at its N-th command, as a card does that is pulled, or takes
// two seconds for it.

const [file = '', port = '', at = '', when = ''] = process.argv.slice(2)
const { module } = openModuleFile(file)
let commands = 0

await insertCard(
  {
    transmit(command) {
      const last = ++commands === Number(at)
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
