import { parentPort, workerData } from 'node:worker_threads'
import { InternalError } from '@sealwright/core/errors'
import { type FromWorker, partsOfError, type ToWorker } from './messages.ts'
import { type Claim, type LotTask, lotWork } from './task.ts'

/** A thread that works on the chips of a lot, one after the other, as the main thread gives them to it. */
async function serve(port: NonNullable<typeof parentPort>, task: LotTask): Promise<void> {
  const say = (message: FromWorker): void => port.postMessage(message)
  let answer: (refusal: string | undefined) => void = () => {}
  const claim: Claim = (one) => {
    const answered = new Promise<string | undefined>((done) => {
      answer = done
    })
    say({ kind: 'claim', claim: one })
    return answered
  }
  const work = await lotWork(task)
  let last: Promise<void> = Promise.resolve()
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'claimed') answer(message.refusal)
    else if (message.kind === 'end') void last.then(() => port.close())
    else {
      const { job } = message
      // Jobs come before the one at hand is done, so that nobody waits.
      last = last.then(async () => {
        try {
          say({ kind: 'done', result: await work(job, claim) })
        } catch (error) {
          say({ kind: 'failed', error: partsOfError(error) })
        }
      })
    }
  })
  say({ kind: 'ready' })
}

if (parentPort === null) throw new InternalError('a thread of a lot begins in a lot')
const port = parentPort
serve(port, workerData as LotTask).catch((error) => {
  port.postMessage({ kind: 'failed', error: partsOfError(error) } satisfies FromWorker)
  port.close()
})
