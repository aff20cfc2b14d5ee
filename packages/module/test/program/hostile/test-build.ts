import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

/** One check of the module switched off: this text of this file of packages/module/src becomes the other. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/**
 * The module's sources with one edit, as modules of their own beside the real ones. Nothing in the sources knows of it: the loader
 * of this process gives every file of packages/module/src a second address, and the edited text at one of them.
 */
export class TestBuild {
  readonly #query: string

  /** Throws where the text does not stand in the file exactly once, or stays what it was. One edit a file. */
  constructor(...edits: readonly Edit[]) {
    this.#query = `?test-build=${builds.size}`
    builds.set(this.#query, new Map(edits.map((edit) => [new URL(edit.file, sources).href, edited(edit)])))
    hook()
  }

  /** @param path of a file of packages/module/src, like `program/index.ts` */
  import<T>(path: string): Promise<T> {
    return import(new URL(path, sources).href + this.#query) as Promise<T>
  }
}

/** The file's text after the edit. */
export function edited({ file, find, replace }: Edit): string {
  const text = readFileSync(new URL(file, sources), 'utf8')
  const times = text.split(find).length - 1
  if (times !== 1) throw new Error(`${file} holds the text ${times} times, not once: ${find}`)
  if (find === replace) throw new Error(`the edit of ${file} changes nothing`)
  return text.replace(find, () => replace)
}

const sources = new URL('../../../src/', import.meta.url)
/** Of each test build the edited texts, by the address of their file. */
const builds = new Map<string, ReadonlyMap<string, string>>()
let hooked = false

function hook(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      const build = /\?test-build=\d+$/.exec(context.parentURL ?? '')?.[0]
      if (build === undefined || !resolved.url.startsWith(sources.href)) return resolved
      return { ...resolved, url: resolved.url + build }
    },
    load(url, context, next) {
      const build = /\?test-build=\d+$/.exec(url)?.[0]
      if (build === undefined) return next(url, context)
      const file = url.slice(0, -build.length)
      const source = builds.get(build)?.get(file) ?? readFileSync(fileURLToPath(file), 'utf8')
      return { format: 'module-typescript', source, shortCircuit: true }
    },
  })
}
