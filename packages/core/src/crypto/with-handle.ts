/** Lends a handle to `work` and disposes of it after, on every path. */
export function withHandle<H extends Disposable, T>(handle: H, work: (handle: H) => T): T {
  try {
    return work(handle)
  } finally {
    handle[Symbol.dispose]()
  }
}
