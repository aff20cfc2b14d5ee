import { SealwrightError } from '@sealwright/core/errors'
import { PcscService, type ReaderState } from '../pcsc/index.ts'
import type { Finding } from './finding.ts'
import { acknowledgesAtOnce, cureCommand, loopbackRoute } from './loopback-route.ts'
import { findProgram, runProgram } from './program.ts'
import { measureVpcd, slowMs } from './vpcd-delay.ts'
import { driverFindings, type VpcdConfiguration, vpcdConfigurations } from './vpcd-driver.ts'

/** What was found about PC/SC on this machine. */
export interface ReaderFindings {
  readonly findings: readonly Finding[]
  readonly readers: readonly ReaderState[]
  /** Median milliseconds of one APDU through pcscd and vpcd, where that could be measured. */
  readonly roundTripMs: number | undefined
}

/** Looks at pcscd, its readers and vpcd. Changes nothing; puts a card of its own into a free virtual reader for a moment. */
export async function readerFindings(): Promise<ReaderFindings> {
  const service = await serviceFinding()
  const configurations = vpcdConfigurations()
  const driver = driverFindings(configurations)
  const { readers } = service
  const delay =
    readers === undefined ? unmeasured('pcscd does not serve') : await delayFinding(configurations)
  return {
    findings: [
      service.finding,
      ...(readers === undefined ? [] : [readersFinding(readers)]),
      ...driver,
      delay.finding,
    ],
    readers: readers ?? [],
    roundTripMs: delay.roundTripMs,
  }
}

async function serviceFinding(): Promise<{ finding: Finding; readers?: ReaderState[] }> {
  const path = findProgram('pcscd')
  const version = path && /version ([0-9][^ \n]*[0-9])/.exec(runProgram(path, ['--version'])?.text ?? '')?.[1]
  const about = { name: 'pcscd', why: 'pcscd is the service through which all programs reach card readers' }
  try {
    const service = await PcscService.open()
    try {
      const readers = await service.readers()
      const what = `pcscd${version === undefined ? '' : ` ${version}`} serves, version ${service.version} of its protocol`
      return { finding: { ...about, state: 'ok', what, next: '' }, readers }
    } finally {
      await service.close()
    }
  } catch (error) {
    if (!(error instanceof SealwrightError)) throw error
    const what =
      path === undefined
        ? `pcscd is not installed: ${error.message}`
        : `pcscd ${version ?? ''}: ${error.message}`
    return { finding: { ...about, state: 'missing', what, next: nextStep(error.code, path) } }
  }
}

function nextStep(code: string, path: string | undefined): string {
  if (path === undefined) return 'install it: apt-get install pcscd'
  if (code === 'pcsc-denied')
    return 'run as a user whom pcscd lets in, or add a polkit rule for the action org.debian.pcsc-lite.access_pcsc'
  if (code === 'pcsc-missing')
    return 'start it, as root: systemctl start pcscd.socket, or without systemd: pcscd'
  return 'start it again, as root: systemctl restart pcscd'
}

function readersFinding(readers: readonly ReaderState[]): Finding {
  const why = '`--reader NAME` of other commands names one of them'
  if (readers.length === 0) {
    const next = 'connect a reader, or install the virtual one: apt-get install vsmartcard-vpcd'
    return { name: 'readers', state: 'missing', what: 'pcscd has no reader', why, next }
  }
  const list = readers.map(({ name, card }) => `${name} (${card === 'absent' ? 'empty' : `card ${card}`})`)
  return { name: 'readers', state: 'ok', what: list.join(', '), why, next: '' }
}

async function delayFinding(
  configurations: readonly VpcdConfiguration[],
): Promise<{ finding: Finding; roundTripMs: number | undefined }> {
  const [configuration] = configurations
  if (configuration?.port === undefined) return unmeasured('there is no vpcd that waits for cards')
  let roundTripMs: number | undefined
  try {
    roundTripMs = await measureVpcd(configuration)
  } catch (error) {
    if (!(error instanceof SealwrightError)) throw error
    return unmeasured(error.message)
  }
  if (roundTripMs === undefined) return unmeasured('every virtual reader has a card in it')
  const what = `an APDU takes ${roundTripMs.toFixed(roundTripMs < 10 ? 2 : 0)} ms through pcscd and vpcd`
  if (roundTripMs < slowMs)
    return { finding: { name: 'vpcd-delay', state: 'ok', what, why: whyDelay, next: '' }, roundTripMs }
  return { finding: { name: 'vpcd-delay', state: 'fault', what, why: whyDelay, next: cure() }, roundTripMs }
}

function unmeasured(reason: string): { finding: Finding; roundTripMs: undefined } {
  const what = `the time of an APDU through vpcd was not measured: ${reason}`
  return {
    finding: {
      name: 'vpcd-delay',
      state: 'unknown',
      what,
      why: whyDelay,
      next: 'see to that, then run the doctor again',
    },
    roundTripMs: undefined,
  }
}

function cure(): string {
  const route = loopbackRoute()
  if (route !== undefined && acknowledgesAtOnce(route)) {
    return 'the known cure is in place and does not help: see what else the machine is busy with'
  }
  const command = cureCommand(route)
  if (command === undefined)
    return 'install vpcd 0.9 or newer; the known cure needs `ip` and a route of 127.0.0.1'
  return `let acknowledgements on 127.0.0.1 leave at once, as root: sealwright doctor --fix, which does "${command}" and can be undone; or install vpcd 0.9 or newer`
}

const whyDelay =
  'vpcd before 0.9 (Debian 12) sends length and command in two pieces; the kernel holds the second back until the first is acknowledged, some 40 ms later'
