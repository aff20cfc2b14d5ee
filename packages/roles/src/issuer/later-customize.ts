import { wipe } from '@sealwright/core/bytes'
import { refuseTestKey } from '@sealwright/core/crypto'
import { isTestModule, type LaterChange, laterWrites, parseChipStatus } from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'
import type { LogEntry } from '@sealwright/core/log'
import type { Transport } from '@sealwright/core/ports'
import { endChannel, plain } from '../channel/index.ts'
import {
  documentHead,
  documentKeyName,
  moduleStep,
  type ProvenHead,
  provenHead,
  readHead,
} from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { inLaterChannel, readSealedKey } from './sam.ts'

export interface LaterCustomizeInput {
  readonly change: LaterChange
  /** Wasm by the names that the change uses. */
  readonly programs: Readonly<Record<string, Uint8Array>>
  /** The SAM that sealed the module's customization key. */
  readonly sam: Transport
}

export interface LaterCustomized {
  /** 8 bytes. */
  readonly serial: Uint8Array
  /** Serial number of the SAM, 8 bytes. */
  readonly sam: Uint8Array
  /** CUSTOMIZE commands sent. */
  readonly writes: number
  readonly entries: readonly LogEntry[]
}

/**
 * Changes the software of a module in user mode, through its SAM. Everything long is laid beside what runs, and the last command puts all of it
 * in force at once: an interruption leaves the module as it was, or changed whole. Run again it does the same.
 */
export async function laterCustomize(
  ports: PartyPorts,
  transport: Transport,
  { change, programs, sam }: LaterCustomizeInput,
): Promise<LaterCustomized> {
  const { crypto } = ports
  await endChannel(transport)
  const channel = plain(transport)
  const { result, entries } = await moduleStep(ports, channel, {
    name: 'issuer later-customize',
    types: ['customized-later'],
    proven: (done) => done?.head ?? headFromDocumentChannel(ports, transport),
    async run() {
      const status = parseChipStatus(await channel.send('CHIP STATUS'))
      const { serial, mode } = status
      if (serial === undefined || mode !== 'user') {
        throw new StateError(
          `the chip is in ${mode} mode, expected user: before that there is \`issuer customize\``,
        )
      }
      if (!isTestModule(status)) {
        for (const { place, key } of change.keys ?? []) {
          refuseTestKey(crypto, key, `the key for place ${place.toString(16)}`)
        }
      }
      const sealed = await readSealedKey(channel)
      const writes = laterWrites(change, programs, crypto)
      try {
        const head = await inLaterChannel(ports, transport, { sam, serial }, async (inside) => {
          for (const [i, data] of writes.entries()) {
            ports.progress(`CUSTOMIZE ${i + 1} of ${writes.length}`)
            await inside.send('CUSTOMIZE', { data })
          }
          return provenHead(inside, ports.entropy.bytes(16))
        })
        return { serial, sam: sealed.sam, writes: writes.length, head }
      } finally {
        wipe(...writes)
      }
    },
  })
  const { serial, sam: opened, writes } = result
  return { serial, sam: opened, writes, entries }
}

/** Where an earlier run was broken off, and the document key lies here: a module of a lot, or one that was handed over, has it elsewhere. */
async function headFromDocumentChannel(
  ports: PartyPorts,
  transport: Transport,
): Promise<ProvenHead | undefined> {
  const { serial } = await readHead(plain(transport))
  return (await ports.vault.has(documentKeyName(serial))) ? documentHead(ports, transport) : undefined
}
