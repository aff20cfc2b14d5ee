/** One timer that is moved again and again. */
export class Deadline {
  readonly #reached: (now: number) => void
  #at: number | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param reached is told the time of `performance.now()` */
  constructor(reached: (now: number) => void) {
    this.#reached = reached
  }

  /** In milliseconds of `performance.now()`; undefined: nothing is waited for. */
  set(at: number | undefined): void {
    if (at === this.#at) return
    clearTimeout(this.#timer)
    this.#at = at
    if (at !== undefined) this.#wait(at)
  }

  #wait(at: number): void {
    this.#timer = setTimeout(
      () => {
        const now = performance.now()
        // Timers count whole milliseconds and may come early.
        if (now < at) return this.#wait(at)
        this.#at = undefined
        this.#reached(now)
      },
      Math.max(0, at - performance.now()),
    )
  }
}
