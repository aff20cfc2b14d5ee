import { Buffer } from 'node:buffer'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** How often each secret stands in the writable memory of a process. Linux only. */
export function copiesIn(pid: number, secrets: ReadonlyMap<string, Uint8Array>): Map<string, number> {
  const counts = new Map([...secrets.keys()].map((name) => [name, 0]))
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const chunk = Buffer.alloc(1 << 24)
  const overlap = 64
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const parts = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line)
    if (parts === null) continue
    const [start, end] = [Number.parseInt(parts[1]!, 16), Number.parseInt(parts[2]!, 16)]
    for (let at = start; at < end; at += chunk.length - overlap) {
      const length = readAt(memory, chunk, at, Math.min(chunk.length, end - at))
      for (const [name, secret] of secrets) {
        const last = length - (at + length < end ? overlap : 0)
        for (let i = chunk.indexOf(secret); i >= 0 && i < last; i = chunk.indexOf(secret, i + 1)) {
          counts.set(name, counts.get(name)! + 1)
        }
      }
      chunk.fill(0, 0, length)
    }
  }
  closeSync(memory)
  return counts
}

function readAt(file: number, buffer: Buffer, position: number, length: number): number {
  try {
    return readSync(file, buffer, 0, length, position)
  } catch {
    // A region that has no memory behind it.
    return 0
  }
}
