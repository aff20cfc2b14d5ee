import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseCommand, parseResponse } from '@sealwright/core/apdu'
import { decodeHex, encodeHex, fromAscii, Reader } from '@sealwright/core/bytes'
import {
  certificateIds,
  certifications,
  commandByEntry,
  dataTags,
  type IdentityProof,
  identityProofs,
  resourceStateOf,
} from '@sealwright/core/catalog'
import { isTestModule, parseChipStatus, parseSealedCustomizationKey } from '@sealwright/core/customization'
import { SealwrightError } from '@sealwright/core/errors'
import { parseCardState } from '@sealwright/core/globalplatform'
import { placeKinds } from '@sealwright/core/key-download'
import { isBareCertificate } from '@sealwright/core/personalization'
import { parseCertificate } from '@sealwright/core/x509'
import { onFile } from '@sealwright/node/files'
import { describeAnswer, describeCommand, instructionName } from '@sealwright/node/transport'
import { type Channel, plain } from '@sealwright/roles/channel'
import { parseState, readData } from '@sealwright/roles/custody'
import type { Command } from 'commander'
import { type Context, fields, report, type Step, table } from '../framework/index.ts'
import { identityPicture } from '../pictures/key-picture.ts'
import { registerBackup } from './module-backup.ts'
import { registerDepersonalize } from './module-depersonalize.ts'
import { registerKeys } from './module-keys.ts'
import { registerMap } from './module-map.ts'
import { registerNew } from './module-new.ts'
import { registerProtect } from './module-protect.ts'
import { registerRun } from './module-run.ts'
import { registerVerify } from './module-verify.ts'

export function register(program: Command, context: Context): void {
  const module = context.group(
    program,
    'module',
    'look at modules; send an APDU; give them keys',
    'Shows what anyone may see of a module, and brings keys to it. What shows needs no key and changes nothing.',
  )

  context.verb(module, {
    name: 'list [path...]',
    summary: 'list chip files with serial number and state',
    about:
      'Asks every chip file named, or every one in a folder (default: the working folder and chips/ in it), for its serial number, mode, state and product. One that another process holds is named with its holder.',
    reads: ['PATH: chip files (*.chip), or folders of them'],
    chips: 'many',
    examples: ['module list', 'module list chips'],
    async run(step) {
      const named = step.list(0)
      const paths = named.length > 0 ? named : ['.', 'chips'].filter((path) => existsSync(step.path(path)))
      const rows: Record<string, string | undefined>[] = []
      for (const file of paths.flatMap((path) => chipFiles(step, path))) {
        rows.push({ file, ...(await summary(step, file)) })
      }
      if (rows.length === 0) return report({ modules: [] }, 'There is no chip file (*.chip) here.')
      const columns = ['file', 'serial', 'mode', 'test', 'state', 'product', 'problem']
      return report(
        { modules: rows },
        ...table(
          columns,
          rows.map((row) => columns.map((column) => row[column] ?? '–')),
        ),
      )
    },
  })

  context.verb(module, {
    name: 'show',
    summary: 'show what a module says of itself',
    about:
      'Shows serial number, mode, personalization state, events, certificates, key places with check values, resources and the commands that the vector table reaches.',
    examples: ['module show --module cash.chip'],
    module: 'required',
    run: async (step) => show(plain(await step.module())),
  })

  registerMap(module, context)

  context.verb(module, {
    name: 'apdu <hex...>',
    summary: 'send command APDUs and explain the answers',
    about:
      'Powers the module up, selects nothing, sends each APDU as it is, without secure messaging, and shows command and answer by name. For looking and learning: what changes the module needs the channels of the other commands.',
    examples: [
      'module apdu 8030000000 --module cash.chip',
      'module apdu 00CA004500 80B60000 --module cash.chip',
    ],
    module: 'required',
    async run(step) {
      const transport = await step.module()
      const exchanges: { command: Uint8Array; answer: Uint8Array; lines: string[] }[] = []
      for (const text of step.list(0)) {
        const command = decodeHex(text)
        const answer = await transport.transmit(command)
        const lines = [`> ${encodeHex(command)}`, `  ${describeCommand(command)}`, `< ${encodeHex(answer)}`]
        exchanges.push({
          command,
          answer,
          lines: [...lines, `  ${describeAnswer(answer, commandOf(command))}`],
        })
      }
      return report(
        {
          exchanges: exchanges.map(({ command, answer }) => {
            const { data, sw } = parseResponse(answer)
            return { command, data, sw: sw.toString(16).toUpperCase() }
          }),
        },
        ...exchanges.flatMap(({ lines }) => lines),
      )
    },
  })

  registerNew(module, context)
  registerRun(module, context)
  registerVerify(module, context)
  registerProtect(module, context)
  registerBackup(module, context)
  registerDepersonalize(module, context)
  registerKeys(module, context)
}

async function show(channel: Channel) {
  const status = parseChipStatus(await channel.send('CHIP STATUS'))
  const head = {
    serial: status.serial === undefined ? undefined : encodeHex(status.serial),
    mode: status.mode,
    test: isTestModule(status),
    triesLeft: status.triesLeft,
    romDigest: encodeHex(status.romDigest),
  }
  const scrap = status.mode === 'issuer' && status.triesLeft === 0
  const triesLeft = scrap ? '0: the chip is scrap; discard it' : status.triesLeft
  const shown = {
    ...head,
    triesLeft,
    test: head.test ? 'yes: a test module, which takes published keys' : undefined,
  }
  if (status.mode === 'issuer' || status.mode === 'terminated') return report(head, ...fields(shown))

  const value = (tag: number): Promise<Uint8Array | undefined> => readData(channel, tag)
  const state = parseState((await value(dataTags.state))!)
  const product = await value(dataTags.product)
  const sealed = await value(dataTags.sealedCustomizationKey)
  const later = sealed && encodeHex(parseSealedCustomizationKey(sealed).sam)
  const card = await value(dataTags.cardState)
  const cardState = card === undefined ? undefined : parseCardState(card[0]!)
  const trust = state.state === undefined ? undefined : trustOf(await value(dataTags.certification))
  const proof = proofOf(await value(dataTags.identityProof))
  const certificates: Record<string, Uint8Array> = {}
  for (const [name, { tag }] of Object.entries(certificateIds)) {
    const der = await value(tag)
    if (der !== undefined && der.length > 0) certificates[name] = der
  }
  const places = parsePlaces((await value(dataTags.places)) ?? new Uint8Array(0))
  const resources = parseResources((await value(dataTags.resources)) ?? new Uint8Array(0))
  const vectors = parseVectorRows((await value(dataTags.vectors)) ?? new Uint8Array(0))
  const json = {
    ...head,
    ...(state.state === undefined ? {} : { state: state.state }),
    ...(cardState === undefined ? {} : { cardState }),
    ...(trust === undefined ? {} : { trust }),
    ...(proof === undefined ? {} : { proof }),
    events: state.number,
    ...(product === undefined ? {} : { product: fromAscii(product) }),
    ...(later === undefined ? {} : { laterCustomization: later }),
    certificates,
    places,
    resources,
    vectors,
  }
  const identity = certificates['identity']
  return report(
    json,
    ...fields({
      ...shown,
      state: state.state,
      card: cardState,
      trust,
      proof: proof && `${proof}: ${identityProofs[proof].meaning}`,
      events: state.number,
      product: product && fromAscii(product),
      'later customization': later && `with the SAM ${later}`,
    }),
    ...(identity === undefined ? [] : ['', ...identityPicture(parseCertificate(identity))]),
    ...section(
      'certificates',
      ['', 'subject', 'issuer', 'until'],
      Object.entries(certificates).map(([name, der]) => {
        if (isBareCertificate(der)) return [name, 'signature without the key', '–', '–']
        const { subject, issuer, notAfter, test } = parseCertificate(der)
        return [name, `${subject.commonName}${test ? ' (test)' : ''}`, issuer.commonName, day(notAfter)]
      }),
    ),
    ...section(
      'key places',
      ['place', 'kind', 'check value'],
      places.map(({ place, kind, checkValue }) => [place, kind, checkValue ?? 'empty']),
    ),
    ...section(
      'resources',
      ['id', 'state', 'addresses', 'AID'],
      resources.map(({ id, state, start, end, aid }) => [
        String(id),
        state,
        `${address(start)}..${address(end)}`,
        aid,
      ]),
    ),
    ...section(
      'commands',
      ['INS', 'program', 'function', 'command'],
      vectors.map((row) => [row.ins, String(row.program), String(row.function), row.name]),
    ),
  )
}

/** What the module's trust in its central system rests on; undefined before personalization. */
function trustOf(value: Uint8Array | undefined): string | undefined {
  const rows = Object.entries(certifications)
  const found = rows.find(([, { code }]) => code === value?.[0])
  return found === undefined || found[0] === 'none' ? undefined : found[0]
}

/** What the module has to prove who it is; undefined of one that does not say. */
function proofOf(value: Uint8Array | undefined): IdentityProof | undefined {
  const names = Object.keys(identityProofs) as IdentityProof[]
  return names.find((name) => identityProofs[name].code === value?.[0])
}

async function summary(step: Step, file: string): Promise<Record<string, string | undefined>> {
  try {
    const transport = await step.openModule(file)
    const channel = plain(transport)
    const status = parseChipStatus(await channel.send('CHIP STATUS'))
    const { serial, mode } = status
    const told = {
      serial: serial && encodeHex(serial),
      mode,
      test: isTestModule(status) ? 'yes' : undefined,
    }
    if (mode === 'issuer' || mode === 'terminated') return told
    const state = await readData(channel, dataTags.state)
    const product = await readData(channel, dataTags.product)
    return {
      ...told,
      state: state && parseState(state).state,
      product: product && fromAscii(product),
    }
  } catch (error) {
    // One bad file must not hide the others.
    if (error instanceof SealwrightError) return { problem: error.message }
    throw error
  }
}

function chipFiles(step: Step, name: string): string[] {
  const path = step.path(name)
  return onFile(path, () =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((file) => file.endsWith('.chip'))
          .sort()
          .map((file) => (name === '.' ? file : join(name, file)))
      : [name],
  )
}

function parsePlaces(bytes: Uint8Array) {
  const r = new Reader(bytes, 'key places')
  const places: { place: string; kind: string; checkValue?: string }[] = []
  while (r.remaining > 0) {
    const place = r.u32('reference').toString(16).toUpperCase().padStart(8, '0')
    const code = r.u8('kind')
    const kind = Object.entries(placeKinds).find(([, number]) => number === code)?.[0] ?? `kind ${code}`
    const filled = r.u8('filled') === 1
    const checkValue = encodeHex(r.take(5, 'check value'))
    places.push(filled ? { place, kind, checkValue } : { place, kind })
  }
  return places
}

function parseResources(bytes: Uint8Array) {
  const r = new Reader(bytes, 'resources')
  const resources: { id: number; state: string; start: number; end: number; aid: string }[] = []
  while (r.remaining > 0) {
    resources.push({
      id: r.u8('id'),
      state: stateName(r.u8('state')),
      start: r.u32('start'),
      end: r.u32('end'),
      aid: encodeHex(r.take(r.u8('length of the AID'), 'AID')),
    })
  }
  return resources
}

function stateName(code: number): string {
  return resourceStateOf(code) ?? `state ${code}`
}

function parseVectorRows(bytes: Uint8Array) {
  const r = new Reader(bytes, 'vectors')
  const vectors: { ins: string; program: number; function: number; name: string }[] = []
  while (r.remaining > 0) {
    const ins = r.u8('ins')
    const program = r.u8('program')
    const number = r.u8('function')
    const native = program === 0 ? commandByEntry.get(number) : undefined
    const name =
      native ?? `${instructionName(ins) ?? 'own'} (${program === 1 ? 'ROM program' : `software ${program}`})`
    vectors.push({ ins: ins.toString(16).toUpperCase().padStart(2, '0'), program, function: number, name })
  }
  return vectors
}

function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : ['', `${title}:`, ...table(head, rows).map((line) => `  ${line}`)]
}

function commandOf(bytes: Uint8Array) {
  try {
    return parseCommand(bytes)
  } catch {
    return undefined
  }
}

function address(value: number): string {
  return value.toString(16).toUpperCase().padStart(6, '0')
}

function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}
