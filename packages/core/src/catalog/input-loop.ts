import type { ChipMode } from './states.ts'
import type { StatusWord } from './status-words.ts'

/** A mode of the chip, or a chip whose electrical test failed at power-up. */
export type LoopMode = ChipMode | 'failed'

/** One way that an input takes through the loop: what comes in, on which condition, what goes out, what is different after. */
export interface InputPath {
  /** Boxes of Fig. 4 of the customization text, between waiting (402) and status (406). */
  readonly boxes: string
  readonly modes: readonly LoopMode[]
  readonly input: string
  readonly condition: string
  /** `61XX`: part of an answer, the rest waits. `own`: what the command or program says; see its page. */
  readonly status: StatusWord | '61XX' | 'own'
  /** Non-volatile memory: as it was · a counted try, and nothing else · the effect of the command. */
  readonly memory: 'same' | 'try' | 'own'
  /** Volatile things that are gone, or there, after it. */
  readonly volatile?: string
  /** The mode after, where it is another. */
  readonly next?: ChipMode
}

const every: readonly LoopMode[] = ['failed', 'issuer', 'customization', 'user', 'terminated']
const started: readonly LoopMode[] = ['issuer', 'customization', 'user', 'terminated']
const unlockable: readonly LoopMode[] = ['issuer', 'customization']
const channelled: readonly LoopMode[] = ['customization', 'user']

/**
 * Every path through the input loop (Fig. 4). Each begins where the chip waits, ends in exactly one status word, and leads back to
 * waiting. The first row that fits an input is the one it takes.
 */
export const inputPaths = {
  'test-failed-asked': {
    boxes: '400-401',
    modes: ['failed'],
    input: 'SELF TEST',
    condition: 'the test at power-up failed',
    status: 'success',
    memory: 'same',
    volatile: 'the answer says what failed',
  },
  malformed: {
    boxes: '403 407-410',
    modes: every,
    input: 'no command APDU: shorter than a header, or lengths that do not fit',
    condition: '–',
    status: 'wrong-length',
    memory: 'same',
    volatile: 'a chain that was begun is dropped',
  },
  'test-failed': {
    boxes: '400-401',
    modes: ['failed'],
    input: 'any other command',
    condition: 'the test at power-up failed',
    status: 'memory-failure',
    memory: 'same',
  },
  'rest-of-answer': {
    boxes: '403 405',
    modes: started,
    input: 'GET RESPONSE',
    condition: 'the rest of an answer waits, and fits Le',
    status: 'success',
    memory: 'same',
    volatile: 'nothing waits any more',
  },
  'part-of-answer': {
    boxes: '403 405',
    modes: started,
    input: 'a command, or GET RESPONSE',
    condition: 'its answer, or what is left of it, is longer than Le',
    status: '61XX',
    memory: 'own',
    volatile: 'the rest waits',
  },
  'no-answer-waits': {
    boxes: '403 407-410',
    modes: started,
    input: 'GET RESPONSE',
    condition: 'nothing waits',
    status: 'conditions-not-satisfied',
    memory: 'same',
  },
  'answer-badly-asked': {
    boxes: '403 407-410',
    modes: started,
    input: 'GET RESPONSE with P1 or P2 other than 00, or with data',
    condition: 'the rest of an answer waits',
    status: 'wrong-parameters',
    memory: 'same',
    volatile: 'the rest is dropped',
  },
  'segment-of-nothing': {
    boxes: '403 407-410',
    modes: started,
    input: 'the first segment of a chain',
    condition:
      'no channel is open or waits for this one, and no command in force has this class and instruction',
    status: 'instruction-not-supported',
    memory: 'same',
  },
  segment: {
    boxes: '403',
    modes: started,
    input: 'a segment of a chain that is not its last',
    condition: 'it continues the chain, or may begin one',
    status: 'success',
    memory: 'same',
    volatile: 'the segment is kept',
  },
  'other-command-in-chain': {
    boxes: '403 407-410',
    modes: started,
    input: 'a command with another header',
    condition: 'a chain is not complete',
    status: 'conditions-not-satisfied',
    memory: 'same',
    volatile: 'the chain is dropped',
  },
  'chain-too-long': {
    boxes: '403 407-410',
    modes: started,
    input: 'a segment',
    condition: 'the chain would have more than 32,768 bytes',
    status: 'wrong-parameters',
    memory: 'same',
    volatile: 'the chain is dropped',
  },
  'protected-without-channel': {
    boxes: '403 407-410',
    modes: started,
    input:
      'a protected command (class bit 04), other than EXTERNAL AUTHENTICATE or the step that a set-up waits for',
    condition: 'no channel is open',
    status: 'security-not-satisfied',
    memory: 'same',
  },
  'wrong-mac': {
    boxes: '403 407-410',
    modes: channelled,
    input: 'a protected command',
    condition: 'a channel is open, and the MAC is not right',
    status: 'security-not-satisfied',
    memory: 'same',
    volatile: 'the channel is closed',
  },
  'plain-in-channel': {
    boxes: '403 407-410',
    modes: channelled,
    input: 'an unprotected command that may not come so',
    condition: 'a channel is open',
    status: 'security-not-satisfied',
    memory: 'same',
    volatile: 'the channel is closed',
  },
  'unlock-parameters': {
    boxes: '403 404 407-410',
    modes: unlockable,
    input: 'UNLOCK',
    condition: 'P1 or P2 is not 00',
    status: 'wrong-parameters',
    memory: 'same',
  },
  'unlock-length': {
    boxes: '403 404 407-410',
    modes: unlockable,
    input: 'UNLOCK',
    condition: 'the data are not 64 bytes',
    status: 'wrong-data',
    memory: 'same',
  },
  'unlock-no-serial': {
    boxes: '403 404 407-410',
    modes: ['issuer'],
    input: 'UNLOCK',
    condition: 'no serial number is written',
    status: 'conditions-not-satisfied',
    memory: 'same',
  },
  'unlock-there': {
    boxes: '403 404 407-410',
    modes: ['customization'],
    input: 'UNLOCK',
    condition: 'the customization software is there',
    status: 'conditions-not-satisfied',
    memory: 'same',
  },
  'unlock-scrap': {
    boxes: '403 404 407-410',
    modes: unlockable,
    input: 'UNLOCK',
    condition: '64 tries are used up',
    status: 'blocked',
    memory: 'same',
  },
  'unlock-invalid': {
    boxes: '403 404 407-410',
    modes: unlockable,
    input: 'UNLOCK',
    condition:
      'key, hash, signature or program does not hold, or (RAM form again) the hash is not the recorded one',
    status: 'security-not-satisfied',
    memory: 'try',
  },
  unlock: {
    boxes: '403 404 405',
    modes: ['issuer'],
    input: 'UNLOCK',
    condition: 'all of it holds',
    status: 'success',
    memory: 'own',
    volatile: 'RAM form: the program is in RAM',
    next: 'customization',
  },
  'unlock-again': {
    boxes: '403 404 405',
    modes: ['customization'],
    input: 'UNLOCK',
    condition: 'RAM form after a loss of power, all of it holds',
    status: 'success',
    memory: 'own',
    volatile: 'the program is in RAM; the channel is closed',
  },
  'no-vector': {
    boxes: '403 407-410',
    modes: ['issuer', 'user', 'terminated'],
    input: 'any other command, UNLOCK too',
    condition: 'no vector in force names the instruction',
    status: 'instruction-not-supported',
    memory: 'same',
  },
  'customization-closed': {
    boxes: '403 407-410',
    modes: ['customization'],
    input: 'a command that no vector names',
    condition: 'it does not come in the customization channel',
    status: 'security-not-satisfied',
    memory: 'same',
  },
  'other-class': {
    boxes: '403 407-410',
    modes: started,
    input: 'a command that a vector names, or the customization software would get',
    condition: 'class other than 80, or 00 where the command has it (84 in a channel)',
    status: 'class-not-supported',
    memory: 'same',
  },
  'software-gone': {
    boxes: '403 407-410',
    modes: ['customization'],
    input: 'a command that no vector names, in the customization channel',
    condition: 'RAM form after a loss of power',
    status: 'conditions-not-satisfied',
    memory: 'same',
  },
  'customization-software': {
    boxes: '403 405',
    modes: ['customization'],
    input: 'a command that no vector names, in the customization channel',
    condition: 'the customization software is there',
    status: 'own',
    memory: 'own',
  },
  'other-mode': {
    boxes: '403 407-410',
    modes: ['customization'],
    input: 'a command that a loaded vector names',
    condition: 'it serves in user mode only',
    status: 'conditions-not-satisfied',
    memory: 'same',
  },
  'other-state': {
    boxes: '403 407-410',
    modes: ['user'],
    input: 'a native command that a vector names',
    condition: 'it does not serve in this personalization state',
    status: 'conditions-not-satisfied',
    memory: 'same',
  },
  'no-channel': {
    boxes: '403 407-410',
    modes: channelled,
    input: 'a native command that a vector names',
    condition: 'it does not come in the channel that it needs',
    status: 'security-not-satisfied',
    memory: 'same',
  },
  'command-refused': {
    boxes: '403 407-410 405',
    modes: started,
    input: 'a native command of this mode',
    condition: 'its own checks refuse it',
    status: 'own',
    memory: 'same',
    volatile: 'and what *Order of effects* names',
  },
  command: {
    boxes: '403 407-410 405',
    modes: started,
    input: 'a native command of this mode',
    condition: 'its own checks pass',
    status: 'success',
    memory: 'own',
  },
  finish: {
    boxes: '403 407-410 405',
    modes: ['customization'],
    input: 'FINISH in its channel',
    condition: 'its own checks pass',
    status: 'success',
    memory: 'own',
    volatile: 'the channel is closed after the answer',
    next: 'user',
  },
  'program-incomplete': {
    boxes: '403 407-410 405',
    modes: ['user'],
    input: 'a command whose vector leads to a program',
    condition: 'masked incomplete, and nothing completes it',
    status: 'function-not-supported',
    memory: 'same',
  },
  'program-failed': {
    boxes: '403 407-410 405',
    modes: ['user'],
    input: 'a command whose vector leads to a program',
    condition: 'the program refuses, traps or spends its budget',
    status: 'own',
    memory: 'same',
  },
  program: {
    boxes: '403 407-410 405',
    modes: ['user'],
    input: 'a command whose vector leads to a program',
    condition: 'the program runs to its end',
    status: 'success',
    memory: 'own',
  },
  'application-selected': {
    boxes: '403 407-410 405',
    modes: ['user'],
    input: 'a command, other than SELECT and the set-up of its channel',
    condition: 'an application is selected',
    status: 'own',
    memory: 'own',
  },
  'memory-fails': {
    boxes: '403 404 405',
    modes: started,
    input: 'any command',
    condition: 'a page or structure that it needs is not what was written',
    status: 'memory-failure',
    memory: 'same',
    volatile: 'prepared keys are forgotten',
  },
  defect: {
    boxes: '403 404 405',
    modes: started,
    input: 'any command',
    condition: 'a defect of the module',
    status: 'internal-error',
    memory: 'same',
    volatile: 'prepared keys are forgotten',
  },
} as const satisfies Record<string, InputPath>

export type InputPathName = keyof typeof inputPaths
