import assert from 'node:assert/strict'
import { encodeHex } from '@sealwright/core/bytes'
import { parseDocument } from '@sealwright/core/cbor'
import { parseChipStatus } from '@sealwright/core/customization'
import { parseEntry, verifyPassport } from '@sealwright/core/log'
import { scriptedEntropy } from '@sealwright/core/testing'
import { parseCertificate } from '@sealwright/core/x509'
import { Module } from '@sealwright/module'
import { plain } from '@sealwright/roles/channel'
import { readOutbox, readSignedHead } from '@sealwright/roles/custody'
import { append, enroll, makePassport, readLogKey, verifyLog } from '@sealwright/roles/log'
import { logSigningKey, type PartyName, type PartyPorts } from '@sealwright/roles/ports'
import { inProcess } from '../../src/transport/index.ts'
import { clock, type Life } from '../life/index.ts'

/** What is left when a flow is over, without what differs from run to run: keys, signatures, random names. */
export interface End {
  readonly chips: Readonly<Record<string, ChipEnd>>
  /** Names of what each party keeps: files and keys. */
  readonly kept: Readonly<Record<string, readonly string[]>>
  /** Serial number, event number, type and party of every entry about these chips, in all outboxes together. */
  readonly entries: readonly string[]
}

interface ChipEnd {
  readonly mode: string
  readonly state: string
  readonly objects: readonly string[]
  readonly events: readonly string[]
}

/**
 * What is left after a start of these chips. Throws unless the log takes every entry about them, once, and holds, and unless each chip's passport
 * agrees with the head that the chip signs.
 */
export async function endOf(life: Life, chips: readonly string[]): Promise<End> {
  life.interference = undefined
  life.seed('end')
  const modules = new Map(chips.map((chip) => [chip, started(life, chip)]))
  const parties = [...life.parties()].map(([name, party]) => [name, party.ports] as const)
  const kept: [string, string[]][] = []
  for (const [name, { store, vault }] of parties) {
    const keys = (await vault.list()).map((key) => `key ${key.name}`)
    kept.push([name, [...(await store.list()), ...keys].map(withoutChance).sort()])
  }
  const entries = await logged(life, modules, parties)
  return {
    chips: Object.fromEntries([...modules].map(([name, module]) => [name, chipEnd(module)])),
    kept: Object.fromEntries(kept),
    entries,
  }
}

function started(life: Life, chip: string): Module {
  const report = (error: unknown): never => {
    throw error
  }
  return new Module({
    ...{ medium: life.medium(chip), crypto: life.world.crypto, report },
    entropy: scriptedEntropy(`${chip} at the end`),
  })
}

function chipEnd({ parts }: Module): ChipEnd {
  const { life, objects, events } = parts
  return {
    mode: life.mode(),
    state: life.state(),
    objects: objects.list().map(({ kind, id }) => `${kind} ${id}`),
    events: events.list(1).map(({ number, type }) => `${number} ${type}`),
  }
}

/** Names that hold a nonce or a digest differ. */
function withoutChance(name: string): string {
  return name.replaceAll(/[0-9a-f]{32,}/g, '*')
}

async function logged(
  life: Life,
  modules: ReadonlyMap<string, Module>,
  parties: readonly (readonly [PartyName, PartyPorts])[],
): Promise<string[]> {
  const { crypto } = life.world
  const log = await life.party('log')
  const serials = new Map<string, { readonly serial: Uint8Array; readonly module: Module }>()
  for (const module of modules.values()) {
    const { serial } = parseChipStatus(await plain(inProcess(module)).send('CHIP STATUS'))
    if (serial !== undefined) serials.set(encodeHex(serial), { serial, module })
  }
  const documents: Uint8Array[] = []
  const entries: string[] = []
  for (const [party, ports] of parties) {
    if (party === 'log') continue
    await enroll(log, { party, point: await ports.vault.publicPoint(logSigningKey), chain: [] })
    for (const document of await readOutbox(ports)) {
      const { serial, number, type } = parseEntry(parseDocument(document))
      if (!serials.has(encodeHex(serial))) continue
      documents.push(document)
      entries.push(`${encodeHex(serial)} ${number} ${type} ${party}`)
    }
  }
  const outcomes = await append(log, documents)
  const others = outcomes.filter(({ kind }) => kind !== 'appended')
  assert.deepEqual(others, [], 'the log takes every entry')
  assert.deepEqual((await verifyLog(log)).problems, [])
  const root = parseCertificate(life.file('root'))
  for (const [name, { serial, module }] of serials) {
    if (module.parts.life.mode() !== 'user') continue
    const nonce = crypto.sha256(serial).slice(0, 16)
    const head = await readSignedHead(plain(inProcess(module)), nonce)
    const passport = await makePassport(log, { serial, head })
    const question = {
      passport,
      logKey: await readLogKey(log),
      manufacturerRoot: root,
      at: clock.now(),
      nonce,
    }
    const findings = verifyPassport(question, crypto)
    // A passport holds certificates, and cannot show a signature without the key in it.
    const shown = head.chain.every(([first]) => first === 0x30)
    assert.deepEqual(
      findings.filter(
        ({ check, verdict }) => verdict === 'failed' && (shown || check !== 'head-certificate'),
      ),
      [],
      `the passport of ${name}`,
    )
    const heads = findings.filter(({ check }) => check === 'head-matches' || check === 'head-fresh')
    assert.deepEqual(
      heads.map(({ verdict }) => verdict),
      ['verified', 'verified'],
      `the passport of ${name}`,
    )
  }
  return entries.sort()
}
