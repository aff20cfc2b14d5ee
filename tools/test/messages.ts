/** What the parent sends: the next file to run. */
export interface NextFile {
  readonly path: string
}

/** What a process of the tests answers: each test as it ends, then the end of the file. */
export type Report = TestEnded | FileEnded

export interface TestEnded {
  readonly type: 'test'
  readonly title: string
  readonly ok: boolean
  readonly skipped: boolean
  readonly ms: number
  /** Whether it stands at the file's top, not inside another test. */
  readonly top: boolean
  /** Why it failed, as text to print. */
  readonly error?: string
}

export interface FileEnded {
  readonly type: 'file'
  readonly ms: number
  /** What went wrong beside the tests. */
  readonly problems: readonly string[]
}
