import { rmSync } from 'node:fs'
import { StateError } from '@sealwright/core/errors'
import { readIfThere, writeAtomically } from '../files/index.ts'
import { findProgram, runProgram } from './program.ts'

/**
 * The cure for the delay of Debian 12's vpcd. It writes the length of a message and the message in two pieces; the kernel holds the
 * second back until the first is acknowledged, and the acknowledgement back for 40 ms. `quickack 1` on the route of 127.0.0.1 makes
 * acknowledgements leave at once. It holds for every line on 127.0.0.1, until the next start of the machine, and harms none.
 */
export interface RouteChange {
  /** The route's line as `ip route show table local` printed it. */
  readonly before: string
  readonly after: string
}

const change = 'quickack 1'
/** It is gone after the next start of the machine, as the route is. */
export const savedRoute = '/run/sealwright/loopback-route.json'

/** The route of 127.0.0.1 as it is; undefined where the machine has none, or no `ip`. */
export function loopbackRoute(): string | undefined {
  const ip = findProgram('ip')
  const shown = ip === undefined ? undefined : runProgram(ip, ['-4', 'route', 'show', 'table', 'local'])
  return shown?.stdout
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line.startsWith('local 127.0.0.1 dev lo '))
}

export function acknowledgesAtOnce(route: string): boolean {
  return ` ${route} `.includes(` ${change} `)
}

/** The command that cures, for a person to run. Undefined where there is no such route. */
export function cureCommand(route: string | undefined): string | undefined {
  return route === undefined ? undefined : `ip route change ${route} table local ${change}`
}

/** Changes the route and keeps the line as it was. Throws StateError `root-needed`, `route-changed`. */
export function cureRoute(file = savedRoute): RouteChange {
  requireRoot()
  const before = loopbackRoute()
  if (before === undefined) throw notOurs('there is no route of 127.0.0.1 that could be changed')
  if (acknowledgesAtOnce(before)) throw notOurs(`the route is changed already: ${before}`)
  // First the way back, then the change.
  writeAtomically(file, new TextEncoder().encode(JSON.stringify({ format: 1, before })), 0o644)
  changeRoute(`${before} table local ${change}`)
  return { before, after: loopbackRoute() ?? '' }
}

/** Puts the route back exactly as it was; undefined where nothing was changed. Throws StateError where others have changed it since. */
export function undoCure(file = savedRoute): RouteChange | undefined {
  requireRoot()
  const saved = readSaved(file)
  const current = loopbackRoute()
  if (saved === undefined) return undefined
  if (current === saved) {
    rmSync(file, { force: true })
    return { before: saved, after: saved }
  }
  if (current === undefined || withoutChange(current) !== withoutChange(saved)) {
    throw notOurs(
      `the route has been changed by others since: it was ${saved}, now it is ${current ?? 'gone'}`,
    )
  }
  changeRoute(`${saved} table local`)
  const after = loopbackRoute()
  if (after !== saved)
    throw notOurs(`the route is not as it was: it was ${saved}, now it is ${after ?? 'gone'}`)
  rmSync(file, { force: true })
  return { before: current, after }
}

function readSaved(file: string): string | undefined {
  const bytes = readIfThere(file)
  if (bytes === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    value = undefined
  }
  const before = (value as { before?: unknown } | null | undefined)?.before
  // It goes to `ip` as root: nothing but what `ip` itself may have printed.
  if (typeof before !== 'string' || !/^local 127\.0\.0\.1 dev lo [a-z0-9. ]*$/.test(before)) {
    throw notOurs(`${file} does not hold a route of 127.0.0.1`)
  }
  return before
}

function withoutChange(route: string): string {
  return ` ${route} `.replace(` ${change} `, ' ').trim()
}

function changeRoute(words: string): void {
  const ip = findProgram('ip')
  const ran = ip === undefined ? undefined : runProgram(ip, ['-4', 'route', 'change', ...words.split(' ')])
  if (ran?.status === 0) return
  const code = /permitted/i.test(ran?.text ?? '') ? 'root-needed' : 'route-changed'
  throw new StateError(`ip route change ${words}: ${ran?.text.trim() ?? 'ip is not installed'}`, { code })
}

function notOurs(message: string): StateError {
  return new StateError(message, { code: 'route-changed' })
}

function requireRoot(): void {
  if (process.getuid?.() !== 0) throw new StateError('only root may change a route', { code: 'root-needed' })
}
