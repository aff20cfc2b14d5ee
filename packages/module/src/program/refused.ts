import { SealwrightError } from '@sealwright/core/errors'

/** What a program was refused for. Each stands for one rule of docs/SPEC about programs. */
export type ProgramCheck =
  | 'size'
  | 'header'
  | 'section'
  | 'encoding'
  | 'feature'
  | 'type'
  | 'import'
  | 'grant'
  | 'function-count'
  | 'table'
  | 'memory'
  | 'global'
  | 'export'
  | 'start'
  | 'segment'
  | 'body'
  | 'locals'
  | 'nesting'
  | 'branch-table'
  | 'index'
  | 'invalid'

/** The bytes are no program that this module takes; `check` says which rule they break. */
export class ProgramRefused extends SealwrightError {
  readonly check: ProgramCheck

  constructor(check: ProgramCheck, message: string) {
    super(`program, ${check}: ${message}`, 'program-refused', { details: { check } })
    this.check = check
  }
}
