import type { Finding } from './finding.ts'
import type { Defect, Target } from './target.ts'
import { makeTargets, type Targets } from './targets.ts'
import { TimeUp, withinTime } from './time-limit.ts'

let made: Promise<Targets> | undefined

/** Runs a finding's input once more; the law that is broken now, if any. */
export async function replay({
  target: name,
  input,
}: Pick<Finding, 'target' | 'input'>): Promise<Defect | undefined> {
  made ??= makeTargets()
  const target = (await made)[name as keyof Targets] as Target<unknown> | undefined
  if (target === undefined) throw new Error(`there is no target ${name}`)
  const value = target.read(input)
  try {
    return withinTime(10_000, () => target.run(value))
  } catch (error) {
    if (!(error instanceof TimeUp)) throw error
    return { kind: 'hang', subject: target.subject(value), detail: '', text: 'no end within 10 s' }
  }
}
