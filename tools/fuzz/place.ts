/** Name of an error and the function of ours that it came from; its message and stack for a person. */
export function place(error: unknown): { readonly detail: string; readonly text: string } {
  if (!(error instanceof Error)) return { detail: String(error), text: String(error) }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const ours = frames.find((line) => /\/packages\/(core|module)\/src\//.test(line)) ?? frames[0] ?? ''
  const name = /at (?:async )?(?:new )?([^\s(]+)/.exec(ours)?.[1] ?? ''
  const file = /\/packages\/([^:)]+)/.exec(ours)?.[1] ?? ''
  // Depth decides where a stack overflows: the file says enough.
  const overflow = error instanceof RangeError && /call stack/.test(error.message)
  const stack = frames
    .slice(0, 8)
    .map((line) => line.trim().replace(/\(?file:\/\/\S*\/packages\//, '(packages/'))
  return {
    detail: [error.name, file, ...(overflow ? [] : [name])].filter((part) => part !== '').join(' '),
    text: [`${error.name}: ${error.message}`, ...stack].join('\n'),
  }
}
