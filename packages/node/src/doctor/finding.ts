/** One thing that was looked at. */
export interface Finding {
  /** Stable, for programs: `pcscd`, `vpcd-delay`. */
  readonly name: string
  /**
   * ok: there, and as it should be · missing: readers need it · fault: it is there and does harm · absent: only some uses need it ·
   * unknown: it could not be found out.
   */
  readonly state: 'ok' | 'missing' | 'fault' | 'absent' | 'unknown'
  /** What was found. */
  readonly what: string
  /** Why it matters. */
  readonly why: string
  /** The next step; empty where there is none to take. */
  readonly next: string
}

/** Whether readers do not work, or not well, because of it. */
export function isWrong({ state }: Finding): boolean {
  return state === 'missing' || state === 'fault'
}
