import { decodeHex } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import {
  type Finding,
  parsePassport,
  passportHolds,
  serializePassport,
  verifyPassport,
} from '@sealwright/core/log'
import { parseCertificate } from '@sealwright/core/x509'
import { plain } from '@sealwright/roles/channel'
import { parseEntriesFile, readOutbox, readSignedHead, serializeEntriesFile } from '@sealwright/roles/custody'
import { append, makeCheckpoint, makePassport, readLogKey } from '@sealwright/roles/log'
import { type PartyName, parties } from '@sealwright/roles/ports'
import { certificateOf } from '../framework/index.ts'
import { readEepromMap } from '../pictures/eeprom-map.ts'
import { eepromPicture } from '../pictures/eeprom-text.ts'
import { type DemoChip, demoChips, manufacturerRootFile } from './factory.ts'
import type { Scene, Stage } from './stage.ts'

/** Parties whose steps leave entries, in the order in which their files are handed in. */
const writers = (Object.keys(parties) as PartyName[]).filter((party) => party !== 'log')

const handIn: Stage = {
  name: 'log',
  text: 'Every party hands its signed entries to the log, which signs a checkpoint over all of them.',
  commandLines: [
    ...writers.map((party) => ['outbox', party, '--out', `exchange/${party}.entries`]),
    ['log', 'append', ...writers.map((party) => `exchange/${party}.entries`)],
    ['log', 'checkpoint', '--out', 'exchange/checkpoint.txt'],
  ],
  async run(world) {
    const documents: Uint8Array[] = []
    for (const party of writers) {
      const bytes = serializeEntriesFile(await readOutbox(world.party(party)))
      world.write(`exchange/${party}.entries`, bytes)
      documents.push(...parseEntriesFile(bytes))
    }
    const log = world.party('log')
    const outcomes = await append(log, documents)
    const refused = outcomes.filter(({ kind }) => kind !== 'appended')
    if (refused.length > 0)
      throw new StateError(`the log did not take ${refused.length} of ${outcomes.length} entries`)
    const checkpoint = await makeCheckpoint(log)
    world.write('exchange/checkpoint.txt', new TextEncoder().encode(checkpoint))
    const [origin, size, root] = checkpoint.split('\n')
    return [
      `${outcomes.length} entries of ${writers.length} parties`,
      `checkpoint of ${origin} over ${size} entries, root ${root}`,
    ]
  },
}

/** The picture of a module's memory. It looks into the chip file: no APDU gives this away. */
function map({ product, chip }: DemoChip): Stage {
  return {
    name: 'map',
    module: chip,
    text: 'Who lives in the memory of a module: its own records, what the client and the customer wrote, the suppliers as tenants in areas of their own.',
    commandLines: [['module', 'map', '--module', chip]],
    async run(world) {
      const found = readEepromMap((await world.module(chip)).inside!)
      if (!found.segments.some(({ owner }) => owner === 'customer')) {
        throw new StateError(`the ${product} module holds nothing of its customer`)
      }
      return eepromPicture(found, world.columns)
    },
  }
}

function passport({ product, serial, chip }: DemoChip, told: 'every finding' | 'sums'): Stage {
  const file = `exchange/${product}.passport`
  return {
    name: 'passport',
    module: chip,
    text: "One file with the whole record of a module. A stranger checks it without us; he brings the log's key and the manufacturer's root from elsewhere.",
    commandLines: [['passport', serial, '--module', chip, '--out', file]],
    async run(world) {
      const log = world.party('log')
      const nonce = log.entropy.bytes(16)
      const head = await readSignedHead(plain(await world.module(chip)), nonce)
      const bytes = serializePassport(await makePassport(log, { serial: decodeHex(serial), head }))
      world.write(file, bytes)
      const root = certificateOf(world.read(manufacturerRootFile), manufacturerRootFile)
      const findings = verifyPassport(
        {
          passport: parsePassport(bytes),
          logKey: await readLogKey(log),
          manufacturerRoot: parseCertificate(root),
          at: log.clock.now(),
          nonce,
        },
        log.crypto,
      )
      if (!passportHolds(findings)) throw new StateError('the passport does not hold')
      const of = (wanted: Finding['verdict']) => findings.filter(({ verdict }) => verdict === wanted).length
      const sums = `${bytes.length} bytes: ${of('verified')} findings verified, ${of('unverified')} unverified, none failed`
      if (told === 'sums') return [sums]
      return [
        sums,
        ...findings.map(
          ({ check, verdict, explanation }) => `${verdict.padEnd(10)}  ${check}: ${explanation}`,
        ),
      ]
    },
  }
}

const { cash, terminal, phone } = demoChips

export const record: Scene = {
  name: 'record',
  title: 'The record: what a stranger can check',
  frame: true,
  stages: [
    map(terminal),
    map(phone),
    handIn,
    passport(cash, 'sums'),
    passport(terminal, 'sums'),
    passport(phone, 'every finding'),
  ],
}
