import { isBuiltin, registerHooks } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { Programs } from '../life/index.ts'

/** What the worker tells: the stages that ran, or where it stopped. */
export interface Outcome {
  readonly stages: readonly string[]
  readonly error?: string
  /** Globals that were taken away. */
  readonly removed: readonly string[]
}

const port = parentPort!
const { programs, sabotage } = workerData as { programs: Programs; sabotage?: string }
/** ECMAScript, and what `packages/core/src/globals.d.ts` allows besides. */
const kept = new Set([
  ...[
    'Object',
    'Function',
    'Array',
    'Number',
    'Boolean',
    'String',
    'Symbol',
    'BigInt',
    'Math',
    'JSON',
    'Date',
  ],
  ...['RegExp', 'Promise', 'Proxy', 'Reflect', 'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'Iterator'],
  ...['FinalizationRegistry', 'ArrayBuffer', 'DataView', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray'],
  ...['Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array'],
  ...['Float32Array', 'Float64Array', 'Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError'],
  ...[
    'SyntaxError',
    'TypeError',
    'URIError',
    'globalThis',
    'undefined',
    'NaN',
    'Infinity',
    'isNaN',
    'isFinite',
  ],
  ...['parseInt', 'parseFloat', 'WebAssembly', 'TextEncoder', 'TextDecoder'],
])

registerHooks({
  resolve(specifier, context, next) {
    const parent = context.parentURL ?? ''
    if (isBuiltin(specifier) && parent !== import.meta.url) {
      throw new Error(`${parent} imports ${specifier}`)
    }
    return next(specifier, context)
  },
})

const removed: string[] = []
for (const name of Object.getOwnPropertyNames(globalThis)) {
  if (kept.has(name)) continue
  if (Reflect.deleteProperty(globalThis, name)) removed.push(name)
}
// Chance and time come from ports only.
Math.random = () => {
  throw new Error('Math.random')
}
Date.now = () => {
  throw new Error('Date.now')
}

const done: string[] = []
try {
  if (sabotage !== undefined) await import(sabotage)
  const { Life, stages } = await import('../life/index.ts')
  const { portableCrypto } = await import('@sealwright/core/crypto')
  const life = Life.begin({ crypto: portableCrypto, programs })
  for (const stage of stages) {
    life.seed(stage.name)
    await stage.run(life)
    life.powerDown()
    await stage.check?.(life)
    done.push(stage.name)
  }
  tell({ stages: done, removed })
} catch (error) {
  tell({
    stages: done,
    removed,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
}

function tell(outcome: Outcome): void {
  port.postMessage(outcome)
}
