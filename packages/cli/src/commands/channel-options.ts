import { type ChannelLevel, channelLevels, defaultChannelLevel } from '@sealwright/core/catalog'
import { UsageError } from '@sealwright/core/errors'
import type { Step } from '../framework/index.ts'

const levels = Object.keys(channelLevels) as ChannelLevel[]
const isWeak = (level: ChannelLevel): boolean =>
  channelLevels[level].code < channelLevels[defaultChannelLevel].code

/**
 * The least channel of a policy, whoever holds it. Levels that stop nobody in the middle take a flag of their own.
 * @param holder for people: whose policy it is
 */
export function leastChannelOptions(holder: string) {
  return [
    {
      flags: '--least-channel <level>',
      text: `the least channel that ${holder} allows in personalization (default ${defaultChannelLevel})`,
      choices: levels.filter((level) => !isWeak(level)),
    },
    {
      flags: '--insecure-least-channel <level>',
      text: `let ${holder} go lower: nothing there stops someone in the middle (none: on a direct line only)`,
      choices: levels.filter(isWeak),
    },
  ]
}

/** The level, or undefined where none is named. */
export function leastChannelOf(step: Step): ChannelLevel | undefined {
  const [strong, weak] = [step.optional('least-channel'), step.optional('insecure-least-channel')]
  if (strong !== undefined && weak !== undefined) {
    throw new UsageError('--least-channel and --insecure-least-channel: one of them is enough')
  }
  return (strong ?? weak) as ChannelLevel | undefined
}
