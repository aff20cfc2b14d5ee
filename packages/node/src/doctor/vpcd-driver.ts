import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from './finding.ts'
import { findProgram, runProgram } from './program.ts'

/** How pcscd was told of vpcd. */
export interface VpcdConfiguration {
  readonly file: string
  readonly friendlyName: string
  /** Where pcscd listens for the card of slot 0; undefined where it would call the card instead. */
  readonly port: number | undefined
}

export const configurationFolder = '/etc/reader.conf.d'
const drivers = [
  '/usr/lib/pcsc/drivers/serial/libifdvpcd.so',
  '/usr/local/lib/pcsc/drivers/serial/libifdvpcd.so',
]

/** Every entry for vpcd in pcscd's configuration, which takes any file of that folder. */
export function vpcdConfigurations(folder = configurationFolder): VpcdConfiguration[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .flatMap(({ name }) =>
      parseReaderConfiguration(join(folder, name), readFileSync(join(folder, name), 'utf8')),
    )
}

/** The entries for vpcd in a file of the form of reader.conf(5). */
export function parseReaderConfiguration(file: string, text: string): VpcdConfiguration[] {
  const found: VpcdConfiguration[] = []
  let entry: Record<string, string> = {}
  const settle = (): void => {
    if (entry['LIBPATH']?.includes('libifdvpcd') === true) {
      const [, device, port] = /^(.*):(0x[0-9a-f]+|[0-9]+)$/i.exec(entry['DEVICENAME'] ?? '') ?? []
      const listens = device === '/dev/null' && port !== undefined
      found.push({
        file,
        friendlyName: entry['FRIENDLYNAME'] ?? '',
        port: listens ? Number(port) : undefined,
      })
    }
    entry = {}
  }
  for (const line of text.split('\n')) {
    const [, key, quoted, plain] = /^\s*([A-Z]+)\s+(?:"([^"]*)"|(\S+))/.exec(line) ?? []
    if (key === undefined) continue
    // An entry begins with its name.
    if (key === 'FRIENDLYNAME') settle()
    entry[key] = (quoted ?? plain)!
  }
  settle()
  return found
}

/** Whether the virtual reader is installed, and how it is configured. */
export function driverFindings(configurations: readonly VpcdConfiguration[]): Finding[] {
  const path = configurations.length === 0 ? drivers.find((one) => existsSync(one)) : undefined
  const why = 'as a card in its virtual reader, a module is seen by every PC/SC program'
  const install = 'install it: apt-get install vsmartcard-vpcd, then start pcscd again'
  if (configurations.length === 0) {
    const what =
      path === undefined
        ? 'the virtual reader vpcd is not installed'
        : `${path} is there, but pcscd is not told of it`
    const next =
      path === undefined
        ? install
        : `put its entry into ${configurationFolder}: apt-get install --reinstall vsmartcard-vpcd`
    return [{ name: 'vpcd', state: 'missing', what, why, next }]
  }
  const [first, ...more] = configurations as [VpcdConfiguration, ...VpcdConfiguration[]]
  const findings: Finding[] = []
  const where = first.port === undefined ? '' : `, waits for cards on port ${first.port} of every interface`
  findings.push({
    name: 'vpcd',
    state: 'ok',
    what: `vpcd ${packageVersion() ?? 'of unknown version'}${where}`,
    why,
    next: '',
  })
  if (more.length > 0) {
    findings.push({
      name: 'vpcd-configured-twice',
      state: 'fault',
      what: `pcscd is told of vpcd ${configurations.length} times: ${configurations.map(({ file }) => file).join(', ')}`,
      why: 'pcscd reads every file of the folder, also those that an editor left; two entries fight for one port',
      next: 'remove all but one, then start pcscd again',
    })
  }
  for (const { file } of configurations.filter(({ port }) => port === undefined)) {
    findings.push({
      name: 'vpcd-reversed',
      state: 'fault',
      what: `${file}: pcscd is to call the card, not the card pcscd`,
      why: 'vpcd before 0.9 takes pcscd down with it when no card listens, and `module run --vpcd` calls',
      next: 'write DEVICENAME /dev/null:0x8C7B there, then start pcscd again',
    })
  }
  return findings
}

/** Version of the installed package that has the driver. */
function packageVersion(): string | undefined {
  const dpkg = findProgram('dpkg-query')
  if (dpkg === undefined) return undefined
  const found = runProgram(dpkg, ['--show', 'vsmartcard-vpcd'])
  return found?.status === 0 ? found.stdout.trim().split('\t')[1] : undefined
}
