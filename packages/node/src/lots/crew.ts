import { type ChildProcess, fork } from 'node:child_process'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InternalError } from '@sealwright/core/errors'
import type { LotChipDone, LotJob } from '@sealwright/roles/issuer'
import type { ChipClaim, LotCrew } from '@sealwright/roles/ports'
import { errorOfParts, type FromWorker, type ToWorker } from './messages.ts'
import { type LotTask, lotWork } from './task.ts'

export interface CrewOptions {
  readonly task: LotTask
  /** How many chips at a time; 1: in this process. */
  readonly jobs: number
}

/** A crew of processes: threads of one took a quarter more processor time for the same work. */
export function processes({ task, jobs: size }: CrewOptions): LotCrew<LotJob, LotChipDone> {
  return {
    async work(jobs, claim, done) {
      if (size === 1) return workHere(task, jobs, claim, done)
      const queue = new JobQueue(jobs)
      const crew = Array.from({ length: size }, () => new WorkerProcess(task, queue, claim, done))
      try {
        await Promise.all(crew.map((worker) => worker.ended))
      } finally {
        await Promise.all(crew.map((worker) => worker.stop()))
      }
    },
  }
}

async function workHere(
  task: LotTask,
  jobs: Iterable<LotJob> | AsyncIterable<LotJob>,
  claim: (claim: ChipClaim) => string | undefined,
  done: (result: LotChipDone) => Promise<void>,
): Promise<void> {
  const work = await lotWork(task)
  for await (const job of jobs) await done(await work(job, async (one) => claim(one)))
}

/** Hands out jobs, one to whoever asks. */
class JobQueue {
  readonly #jobs: Iterator<LotJob> | AsyncIterator<LotJob>
  #last: Promise<unknown> = Promise.resolve()

  constructor(jobs: Iterable<LotJob> | AsyncIterable<LotJob>) {
    this.#jobs = Symbol.asyncIterator in jobs ? jobs[Symbol.asyncIterator]() : jobs[Symbol.iterator]()
  }

  next(): Promise<LotJob | undefined> {
    const one = this.#last.then(async () => {
      const { done, value } = await this.#jobs.next()
      return done === true ? undefined : value
    })
    this.#last = one.catch(() => {})
    return one
  }
}

/** One process and the jobs that it has; it ends when there are no more, or with the first error. */
class WorkerProcess {
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  readonly #gone: Promise<void>

  constructor(
    task: LotTask,
    queue: JobQueue,
    claim: (claim: ChipClaim) => string | undefined,
    done: (result: LotChipDone) => Promise<void>,
  ) {
    const child = fork(fileURLToPath(new URL('./lot-worker.ts', import.meta.url)), {
      serialization: 'advanced',
      env: workerEnvironment(),
      // What a chip needs is gone with it. Without a bound the heap grows with their number, because nothing makes V8 collect.
      execArgv: ['--max-semi-space-size=16', '--max-old-space-size=128'],
    })
    this.#child = child
    this.#gone = new Promise((gone) => {
      child.once('exit', () => gone())
      child.once('error', () => gone())
    })
    this.ended = new Promise((ended, failed) => {
      let open = 0
      let dry = false
      // A process that is gone says so itself, with more than that a message did not reach it.
      const say = (message: ToWorker): void => void child.send(message, () => {})
      const feed = async (): Promise<void> => {
        open++
        const job = await queue.next()
        if (job !== undefined) return say({ kind: 'job', job })
        open--
        dry = true
        if (open === 0) ended()
      }
      const heard = async (message: FromWorker): Promise<void> => {
        switch (message.kind) {
          case 'ready':
            for (let i = 0; i < jobsAtHand; i++) await feed()
            return
          case 'claim':
            return say({ kind: 'claimed', refusal: claim(message.claim) })
          case 'failed':
            return failed(errorOfParts(message.error))
          case 'done':
            await done(message.result)
            open--
            if (!dry) return feed()
            if (open === 0) ended()
        }
      }
      child.on('message', (message: FromWorker) => void heard(message).catch(failed))
      child.on('error', failed)
      child.on('exit', (status, signal) =>
        failed(
          new InternalError(`a process of the lot ended before its work: ${signal ?? `status ${status}`}`),
        ),
      )
      say({ kind: 'task', task })
    })
    // Whoever waits for all hears of the first that fails.
    this.ended.catch(() => {})
  }

  /** The chip at hand is done first: nothing is half written. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await this.#gone
  }
}

/** A process does not inherit where Node keeps what it compiled. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const compiled = getCompileCacheDir()
  // It names the folder of this Node's version in the one that was given.
  return compiled === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(compiled) }
}

/** So many, that a process has the next one before it asks. */
const jobsAtHand = 2
