import { Session } from 'node:inspector/promises'
import { nodeCrypto } from '@sealwright/node/crypto'
import type { Flow } from './measure.ts'

/** A place in the sources, and the share of a flow's time that passes in it itself. */
export interface ProfileRow {
  readonly place: string
  /** 0 to 1. */
  readonly share: number
}

/** Where a flow's time goes, by folders; a function of Node's own or of OpenSSL stands under its name. One second of operations, warmed up. */
export async function profile<T>(flow: Flow<T>): Promise<ProfileRow[]> {
  const running = await flow.setUp(nodeCrypto)
  const inputs = async (): Promise<T[]> => {
    const all: T[] = []
    for (let i = 0; i < operations; i++) all.push(await running.before())
    return all
  }
  for (const input of await inputs()) await running.run(input)
  const measured = await inputs()
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 200 })
    await session.post('Profiler.start')
    for (const input of measured) await running.run(input)
    const { profile: taken } = await session.post('Profiler.stop')
    const times = new Map<number, number>()
    for (const [i, node] of (taken.samples ?? []).entries()) {
      times.set(node, (times.get(node) ?? 0) + (taken.timeDeltas?.[i] ?? 0))
    }
    const byPlace = new Map<string, number>()
    for (const { id, callFrame } of taken.nodes) {
      const place = placeOf(callFrame)
      if (place !== undefined) byPlace.set(place, (byPlace.get(place) ?? 0) + (times.get(id) ?? 0))
    }
    const total = [...byPlace.values()].reduce((sum, time) => sum + time, 0)
    return [...byPlace]
      .map(([place, time]) => ({ place, share: time / total }))
      .sort((a, b) => b.share - a.share)
  } finally {
    session.disconnect()
  }
}

/** Undefined: the profiler itself. */
function placeOf({ url, functionName }: { readonly url: string; readonly functionName: string }) {
  if (functionName === 'post' || url === 'node:inspector') return undefined
  if (url === '') return `native: ${functionName}`
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/')
  const [, inside] = /(?:packages|node_modules)\/(.*)\/[^/]*$/.exec(url) ?? []
  return inside?.replace('/src', '') ?? 'tools'
}

const operations = 200
