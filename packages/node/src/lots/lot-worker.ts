import { InternalError } from '@sealwright/core/errors'
import { FileLock } from '../lock/index.ts'
import { type FromWorker, partsOfError, type ToWorker } from './messages.ts'
import { type Claim, type LotTask, lotWork } from './task.ts'

/** A process that works on the chips of a lot, one after the other, as the main one gives them to it. It ends with its line to that one. */
function serve(say: (message: FromWorker) => void): void {
  let answer: (refusal: string | undefined) => void = () => {}
  const claim: Claim = (one) => {
    const answered = new Promise<string | undefined>((done) => {
      answer = done
    })
    say({ kind: 'claim', claim: one })
    return answered
  }
  let work: Promise<Awaited<ReturnType<typeof lotWork>>>
  let last: Promise<void> = Promise.resolve()
  const begin = (task: LotTask): void => {
    FileLock.keepDraft(task.chips)
    work = lotWork(task)
    last = work.then(
      () => say({ kind: 'ready' }),
      (error) => say({ kind: 'failed', error: partsOfError(error) }),
    )
  }
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'task') return begin(message.task)
    if (message.kind === 'claimed') return answer(message.refusal)
    const { job } = message
    // Jobs come before the one at hand is done, so that nobody waits.
    last = last.then(async () => {
      try {
        say({ kind: 'done', result: await (await work)(job, claim) })
      } catch (error) {
        say({ kind: 'failed', error: partsOfError(error) })
      }
    })
  })
}

const { send } = process
if (send === undefined) throw new InternalError('a process of a lot begins in a lot')
// Whoever gave the work is gone, and so is who would record it.
process.once('disconnect', () => process.exit(0))
// The terminal tells all its processes; the main one decides.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
serve((message) => {
  if (process.connected) send.call(process, message)
})
