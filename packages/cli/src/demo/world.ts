import { join } from 'node:path'
import { readWhole, writeAtomically } from '@sealwright/node/files'
import { openModuleFile } from '@sealwright/node/transport'
import { openParty, type Workspace } from '@sealwright/node/workspace'
import type { PartyName, PartyPorts } from '@sealwright/roles/ports'
import type { OpenModule } from '../framework/step.ts'
import type { World } from './stage.ts'

/** What passed to modules during one stage. */
export interface StageTraffic {
  readonly apdus: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly nvmWrites: number
}

/** The demo's world: parties stay open, modules live for one stage. */
export class DemoWorld implements World {
  readonly folder: string
  readonly app: Uint8Array | undefined
  readonly columns: number
  readonly #workspace: Workspace
  readonly #parties = new Map<PartyName, { readonly ports: PartyPorts; close(): void }>()
  readonly #modules = new Map<string, OpenModule>()

  constructor(workspace: Workspace, app: Uint8Array | undefined, columns: number) {
    this.#workspace = workspace
    this.folder = workspace.folder
    this.app = app
    this.columns = columns
  }

  party(name: PartyName): PartyPorts {
    const known = this.#parties.get(name)
    if (known !== undefined) return known.ports
    const party = openParty(this.#workspace, name, { command: 'sealwright demo' })
    this.#parties.set(name, party)
    return party.ports
  }

  async module(file: string): Promise<OpenModule> {
    const known = this.#modules.get(file)
    if (known !== undefined) return known
    const { module, ...transport } = openModuleFile(join(this.folder, file), {
      command: 'sealwright demo',
      report: (error) => {
        throw error
      },
    })
    const opened = { ...transport, inside: module }
    this.#modules.set(file, opened)
    return opened
  }

  read(file: string): Uint8Array {
    return readWhole(join(this.folder, file))
  }

  write(file: string, bytes: Uint8Array, mode = 0o644): void {
    writeAtomically(join(this.folder, file), bytes, mode)
  }

  /** Powers the stage's modules down and tells what passed to them. */
  async endStage(): Promise<StageTraffic> {
    const sum = { apdus: 0, bytesIn: 0, bytesOut: 0, nvmWrites: 0 }
    for (const module of this.#modules.values()) {
      const traffic = module.traffic()
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += traffic[key]
      await module.close()
    }
    this.#modules.clear()
    return sum
  }

  async close(): Promise<void> {
    await this.endStage()
    for (const party of this.#parties.values()) party.close()
    this.#parties.clear()
  }
}
