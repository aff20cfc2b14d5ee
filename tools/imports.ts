import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { isTest } from './files.ts'
import { imports } from './source.ts'

/** What the check sees of the repository: paths from its top, and the text of each. */
export type Sources = ReadonlyMap<string, string>

/** Each package and the packages it may import (design, section 3). */
export const arrows: Readonly<Record<string, readonly string[]>> = {
  core: [],
  module: ['core'],
  roles: ['core'],
  node: ['core', 'module', 'roles'],
  server: ['core', 'module', 'roles', 'node'],
  cli: ['core', 'module', 'roles', 'node'],
  console: ['core'],
  sdk: [],
}

/** Packages that run without Node. */
const withoutNode = new Set(['core', 'module', 'roles', 'console'])
/** Folders of roles that every party uses. */
const shared = new Set(['ports', 'channel', 'custody', 'trust'])
/** Packages whose tests may bring any other package together. */
const meetingPlaces = new Set(['node', 'cli', 'server'])

interface Edge {
  readonly from: string
  readonly line: number
  readonly specifier: string
  /** The file that is meant, if it lies in the repository. */
  readonly to: string | undefined
  /** The package the file belongs to, or the npm package that is named. */
  readonly owner: string | undefined
  readonly kind: 'node' | 'npm' | 'workspace' | 'relative'
}

/** One line per import that breaks a rule, and one per circle of files. */
export function importProblems(sources: Sources): string[] {
  const edges = [...sources]
    .filter(([path]) => /^packages\/[^/]+\/(src|test)\/.*\.ts$/.test(path))
    .flatMap(([path, text]) =>
      imports(text).map(({ specifier, line }) => edge(sources, path, line, specifier)),
    )
  return [...edges.flatMap((e) => edgeProblems(sources, e)), ...circles(edges)]
}

function edge(sources: Sources, from: string, line: number, specifier: string): Edge {
  if (specifier.startsWith('.')) {
    const to = posix.normalize(posix.join(posix.dirname(from), specifier))
    return { from, line, specifier, to, owner: packageOf(to), kind: 'relative' }
  }
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) {
    return { from, line, specifier, to: undefined, owner: undefined, kind: 'node' }
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const workspace = /^@sealwright\/(.+)$/.exec(name)?.[1]
  if (workspace === undefined) return { from, line, specifier, to: undefined, owner: name, kind: 'npm' }
  const to = exported(sources, workspace, specifier.slice(name.length + 1))
  return { from, line, specifier, to, owner: workspace, kind: 'workspace' }
}

/** The source that the package's `exports` name for a subpath; '' is the package itself. */
function exported(sources: Sources, workspace: string, subpath: string): string | undefined {
  const manifest = sources.get(`packages/${workspace}/package.json`) ?? '{}'
  const { exports = {} } = JSON.parse(manifest) as { exports?: Record<string, string> }
  const key = subpath === '' ? '.' : `./${subpath}`
  const target = exports[key] ?? (subpath === '' ? undefined : exports['./*']?.replace('*', subpath))
  if (target === undefined) return undefined
  const path = posix.join('packages', workspace, target)
  return sources.has(path) ? path : undefined
}

function edgeProblems(sources: Sources, e: Edge): string[] {
  const own = packageOf(e.from)!
  const test = isTest(e.from)
  const problem = (text: string): string[] => [`${e.from}:${e.line} imports ${e.specifier}: ${text}`]

  if (e.kind === 'node') return withoutNode.has(own) && !test ? problem(`${own} uses no Node API`) : []
  if (e.kind === 'npm') {
    const declared = [...dependencies(sources, `packages/${own}/package.json`)]
    if (test) declared.push(...dependencies(sources, 'package.json'))
    return declared.includes(e.owner!) ? [] : problem(`not among the dependencies of packages/${own}`)
  }
  if (e.kind === 'workspace' && e.to === undefined) return problem('its package exports nothing of that name')
  if (e.kind === 'relative') {
    if (!sources.has(e.to!)) return problem('no such file')
    // The demo and tests read JSON and folders beside the packages; only sources have an owner.
    if (e.owner === undefined) return problem('lies outside packages/')
    if (e.owner !== own)
      return problem(`reaches into packages/${e.owner}; import @sealwright/${e.owner}/… instead`)
  }
  if (e.owner !== own && !mayImport(e, own, test)) {
    const allowed = arrows[own]?.join(', ') || 'no other package'
    return problem(`against the arrows, ${own} may import ${allowed}`)
  }
  return own === e.owner && e.to !== undefined
    ? [...partyProblems(e, problem), ...handlerProblems(e, problem)]
    : []
}

function mayImport(e: Edge, own: string, test: boolean): boolean {
  if (arrows[own]?.includes(e.owner!) === true) return true
  return test && (meetingPlaces.has(own) || e.from.startsWith(`packages/${own}/test/`))
}

function partyProblems(e: Edge, problem: (text: string) => string[]): string[] {
  const from = /^packages\/roles\/src\/([^/]+)\//.exec(e.from)?.[1]
  const to = /^packages\/roles\/src\/([^/]+)\//.exec(e.to!)?.[1]
  if (from === undefined || to === undefined || from === to || shared.has(to)) return []
  return problem(`roles/${from} and roles/${to} never import one another`)
}

function handlerProblems(e: Edge, problem: (text: string) => string[]): string[] {
  const handler = (path: string): string | undefined =>
    /^packages\/module\/src\/handlers\/([^/]+?)(?:\.test|\.full\.test)?(?:\.ts|\/)/.exec(path)?.[1]
  const from = handler(e.from)
  const to = handler(e.to!)
  if (isTest(e.from) || from === undefined || to === undefined || from === to || from === 'index') return []
  return problem('no handler imports another')
}

/** For each knot of files that reach one another the shortest circle in it, as `a → b → a`; imports of types count. */
function circles(edges: readonly Edge[]): string[] {
  const next = new Map<string, Set<string>>()
  for (const { from, to } of edges) {
    if (to !== undefined) next.set(from, (next.get(from) ?? new Set()).add(to))
  }
  const shortest = [...next.keys()]
    .map((file) => circleThrough(next, file))
    .filter((path) => path !== undefined)
    .sort((a, b) => a.length - b.length)
  const seen = new Set<string>()
  return shortest.flatMap((path) => {
    const known = path.some((file) => seen.has(file))
    for (const file of path) seen.add(file)
    return known ? [] : [`circle: ${path.join(' → ')}`]
  })
}

/** Breadth first from a file back to itself. */
function circleThrough(next: ReadonlyMap<string, ReadonlySet<string>>, start: string): string[] | undefined {
  const reachedFrom = new Map<string, string>()
  const queue = [start]
  for (const file of queue) {
    for (const to of next.get(file) ?? []) {
      if (to === start) {
        const path = [start]
        for (let at: string | undefined = file; at !== undefined; at = reachedFrom.get(at)) path.unshift(at)
        return path
      }
      if (!reachedFrom.has(to)) {
        reachedFrom.set(to, file)
        queue.push(to)
      }
    }
  }
  return undefined
}

function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1]
}

function dependencies(sources: Sources, path: string): string[] {
  const text = sources.get(path)
  if (text === undefined) return []
  const json = JSON.parse(text) as Record<string, Record<string, string> | undefined>
  return ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].flatMap((part) =>
    Object.keys(json[part] ?? {}),
  )
}
