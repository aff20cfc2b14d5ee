import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { concat, encodeHex } from '@sealwright/core/bytes'
import type { Transport } from '@sealwright/core/ports'
import { findProgram, type Readers } from '../../packages/node/test/readers/index.ts'

/**
 * The newest jCardSim on Maven Central that speaks vpcd. Its own group, com.licel, has nothing newer than 2.2.2 there, which lacks the
 * class; this is the same simulator as its maintained fork publishes it.
 */
const artifact = 'com.klinec:jcardsim:3.0.6.0'
/** A sample of jCardSim's own: instruction 01 answers a greeting of 13 bytes. */
const applet = 'com.licel.jcardsim.samples.HelloWorldApplet'
const secondPort = 35_964

export interface Simulator {
  readonly missing: string | undefined
  /** Starts it as the card in the second reader; the result stops it. */
  insert(readers: Readers, aid: Uint8Array): Promise<() => Promise<void>>
  /** Installs the applet under this AID. */
  install(transport: Transport, aid: Uint8Array): Promise<void>
}

/** @param folder where the jar is put */
export function jCardSim(folder: string): Simulator {
  const found = jarIn(folder)
  return {
    missing: 'missing' in found ? found.missing : undefined,
    async insert(readers, aid) {
      if ('missing' in found) throw new Error(found.missing)
      const configuration = join(folder, 'jcardsim.cfg')
      writeFileSync(
        configuration,
        [
          `com.licel.jcardsim.card.applet.0.AID=${encodeHex(aid)}`,
          `com.licel.jcardsim.card.applet.0.Class=${applet}`,
          'com.licel.jcardsim.vsmartcard.host=127.0.0.1',
          `com.licel.jcardsim.vsmartcard.port=${secondPort}`,
          '',
        ].join('\n'),
      )
      const child = readers.spawn('java', [
        '-cp',
        found.jar,
        'com.licel.jcardsim.remote.VSmartCard',
        configuration,
      ])
      const said: string[] = []
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => said.push(String(text)))
      try {
        await readers.untilSeen(1)
      } catch (error) {
        throw new Error(`jCardSim is no card: ${said.join('')}`, { cause: error })
      }
      return async () => {
        child.kill()
        if (child.exitCode === null) await new Promise((done) => child.once('close', done))
      }
    },
    async install(transport, aid) {
      // Its own command, which makes an applet: AID LV, then LV the parameters of this applet, as its samples have them.
      const data = concat(Uint8Array.of(aid.length), aid, Uint8Array.of(5, 0, 0, 2, 0x0f, 0x0f))
      const create = concat(Uint8Array.of(0x80, 0xb8, 0, 0, data.length), data, Uint8Array.of(0))
      const answer = await transport.transmit(create)
      if (answer.at(-2) !== 0x90) throw new Error(`jCardSim installs no applet: ${encodeHex(answer)}`)
    },
  }
}

function jarIn(folder: string): { jar: string } | { missing: string } {
  for (const name of ['java', 'mvn']) {
    if (findProgram(name) === undefined) return { missing: `${name} is not installed` }
  }
  const words = [
    '-q',
    'dependency:copy',
    `-Dartifact=${artifact}`,
    `-DoutputDirectory=${folder}`,
    '-Dmdep.useBaseVersion=true',
  ]
  const { status, stdout, error } = spawnSync('mvn', words, { cwd: folder, encoding: 'utf8' })
  const jar = existsSync(folder) ? readdirSync(folder).find((name) => name.endsWith('.jar')) : undefined
  if (status !== 0 || jar === undefined) {
    return { missing: `mvn cannot get ${artifact}: ${error?.message ?? stdout.split('\n')[0] ?? ''}` }
  }
  return { jar: join(folder, jar) }
}
