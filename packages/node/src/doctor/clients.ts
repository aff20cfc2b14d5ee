import { existsSync } from 'node:fs'
import type { Finding } from './finding.ts'
import { findProgram, runProgram } from './program.ts'

interface Client {
  readonly name: string
  readonly args: readonly string[]
  readonly version: RegExp
  readonly why: string
  readonly next: string
}

const clients: readonly Client[] = [
  {
    name: 'opensc-tool',
    args: ['--info'],
    version: /OpenSC ([0-9][^ ,\n]*)/,
    why: 'it lists readers and sends APDUs; the tests of readers use it',
    next: 'install it: apt-get install opensc',
  },
  {
    name: 'pcsc_scan',
    args: ['-V'],
    version: /V ([0-9][^ \n]*)/,
    why: 'it shows readers, cards and their ATR as they come and go',
    next: 'install it: apt-get install pcsc-tools',
  },
  {
    name: 'ykman',
    args: ['--version'],
    version: /version:? ([0-9][^ \n]*)/i,
    why: "Yubico's client manages keys of a security domain, from version 5.5",
    next: 'install it: pip install yubikey-manager',
  },
  {
    name: 'gpshell3',
    args: ['--version'],
    version: /([0-9]+\.[0-9]+[^ \n]*)/,
    why: 'it manages GlobalPlatform cards, with SCP03 and SCP11',
    next: 'build it from its sources; no Debian package has it',
  },
  {
    name: 'openssl',
    args: ['version'],
    version: /^OpenSSL ([0-9][^ \n]*)/,
    why: 'it checks certificates independently of Sealwright',
    next: 'install it: apt-get install openssl',
  },
  {
    name: 'java',
    args: ['-version'],
    version: /version "([^"]+)"/,
    why: 'GlobalPlatformPro needs it, version 17 or newer',
    next: 'install it: apt-get install default-jre-headless',
  },
]

/** The programs that use cards, and their versions. @param gpJar where GlobalPlatformPro's gp.jar lies, if that is known */
export function clientFindings(gpJar: string | undefined): Finding[] {
  return [...clients.map(clientFinding), gpFinding(gpJar)]
}

function clientFinding({ name, args, version, why, next }: Client): Finding {
  const path = findProgram(name)
  if (path === undefined) return { name, state: 'absent', what: `${name} is not installed`, why, next }
  const found = version.exec(runProgram(path, args)?.text ?? '')?.[1]
  if (found !== undefined) return { name, state: 'ok', what: `${name} ${found}, ${path}`, why, next: '' }
  return {
    name,
    state: 'unknown',
    what: `${path} does not tell its version`,
    why,
    next: `try it: ${name} ${args.join(' ')}`,
  }
}

function gpFinding(gpJar: string | undefined): Finding {
  const why = 'GlobalPlatformPro is what most people manage cards with'
  const about = { name: 'gp', why }
  if (gpJar === undefined) {
    const next = 'tell where it is: sealwright doctor --gp-jar FILE'
    return { ...about, state: 'absent', what: 'nobody said where gp.jar of GlobalPlatformPro is', next }
  }
  const java = findProgram('java')
  if (!existsSync(gpJar))
    return {
      ...about,
      state: 'absent',
      what: `there is no file ${gpJar}`,
      next: 'check the name of the file',
    }
  if (java === undefined)
    return { ...about, state: 'absent', what: `${gpJar} needs java`, next: 'install java' }
  const version = /GlobalPlatformPro v?([0-9][^ \n]*)/i.exec(
    runProgram(java, ['-jar', gpJar, '--version'])?.text ?? '',
  )?.[1]
  if (version === undefined) {
    const next = `try it: java -jar ${gpJar} --version`
    return { ...about, state: 'unknown', what: `${gpJar} does not tell its version`, next }
  }
  return { ...about, state: 'ok', what: `GlobalPlatformPro ${version}, ${gpJar}`, next: '' }
}
