import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import { parsePassport, passportHolds, serializePassport, verifyPassport } from '@sealwright/core/log'
import { parseCertificate, pemToCertificates } from '@sealwright/core/x509'
import { plain } from '@sealwright/roles/channel'
import { parseEntriesFile, readOutbox, readSignedHead, serializeEntriesFile } from '@sealwright/roles/custody'
import { append, makeCheckpoint, makePassport, readLogKey } from '@sealwright/roles/log'
import { type PartyName, parties } from '@sealwright/roles/ports'
import type { Scene, Stage } from './stage.ts'

/** Parties whose steps leave entries, in the order in which their files are handed in. */
const writers = (Object.keys(parties) as PartyName[]).filter((party) => party !== 'log')

const handIn: Stage = {
  name: 'log',
  text: 'every party hands its signed entries to the log, which signs a checkpoint over all of them',
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
    return [
      `${outcomes.length} entries of ${writers.length} parties`,
      ...checkpoint.trimEnd().split('\n').slice(0, 3),
    ]
  },
}

function passport(name: string, serial: string): Stage {
  return {
    name: 'passport',
    module: `chips/${name}.chip`,
    text: `one file with the whole record of ${name}, which a stranger checks without us`,
    commandLines: [
      ['passport', serial, '--module', `chips/${name}.chip`, '--out', `exchange/${name}.passport`],
    ],
    async run(world) {
      const log = world.party('log')
      const module = await world.module(`chips/${name}.chip`)
      const nonce = log.entropy.bytes(16)
      const head = await readSignedHead(plain(module), nonce)
      const bytes = serializePassport(await makePassport(log, { serial: decodeHex(serial), head }))
      world.write(`exchange/${name}.passport`, bytes)
      const [root] = pemToCertificates(new TextDecoder().decode(world.read('certs/manufacturer-root.pem')))
      const findings = verifyPassport(
        {
          passport: parsePassport(bytes),
          logKey: await readLogKey(log),
          manufacturerRoot: parseCertificate(root!),
          at: log.clock.now(),
          nonce,
        },
        log.crypto,
      )
      if (!passportHolds(findings)) throw new StateError('the passport does not hold')
      return [
        `${bytes.length} bytes, SHA-256 ${encodeHex(log.crypto.sha256(bytes)).slice(0, 16)}…`,
        ...findings.map(
          ({ check, verdict, explanation }) => `${verdict.padEnd(10)} ${check}: ${explanation}`,
        ),
      ]
    },
  }
}

export const record: Scene = {
  name: 'record',
  title: 'The record: what a stranger can check',
  stages: [handIn, passport('cash', '0000000000000001'), passport('phone', '0000000000000004')],
}
