import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import {
  type InterfaceName,
  interfaces,
  type SupplierForm,
  statusWordName,
  statusWords,
  supplierForms,
} from '@sealwright/core/catalog'
import { UsageError } from '@sealwright/core/errors'
import { resourceInterfaces } from '@sealwright/core/resources'
import { compileProgram } from '@sealwright/module/program'
import { certificate, key, load, request, run } from '@sealwright/roles/supplier'
import type { Command } from 'commander'
import { type Context, failing, fields, report, type Step, table } from '../framework/index.ts'
import { type ShippedProgram, shippedProgram, shippedPrograms } from '../shipped-programs.ts'
import { certifiedPartyVerbs } from './certified-party.ts'

/** Bytes of data area unless told. */
export const usualDataSize = 1024

export function register(program: Command, context: Context): void {
  const supplier = context.group(
    program,
    'supplier',
    'ask for room in modules, load and run programs there',
    'A supplier has programs and keys of his own in modules that belong to others. The operator gives him the room; what he loads and says there goes to the module end to end, and nobody between can read it.',
  )

  certifiedPartyVerbs(context, supplier, {
    party: 'supplier',
    use: 'sign requests and packages and prove yourself to modules',
    key,
    certificate,
  })

  context.verb(supplier, {
    name: 'request',
    summary: 'ask an operator for a resource',
    about:
      'Makes the request, signed with the key that it names: AID, memory, interfaces, key-agreement parameters. With --program, memory and interfaces follow from the program: room for the data and for the program twice, so that an update fits beside the one that runs.',
    writes: ['--out FILE: the request, for the operator'],
    examples: [
      'supplier request --name bank --aid F053570101 --program bank --out exchange/bank.request',
      'supplier request --name mine --aid F053570102 --size 16384 --interface io --interface data --out exchange/mine.request',
    ],
    options: [
      { flags: '--name <text>', text: 'name of the service', required: true },
      { flags: '--aid <hex>', text: 'AID of the application, 5 to 16 bytes', required: true },
      { flags: '--out <file>', text: 'the request', required: true },
      {
        flags: '--program <file>',
        text: `the program: a WebAssembly file, or one that comes along (${shippedPrograms.join(', ')})`,
      },
      { flags: '--size <bytes>', text: 'memory (default: from the program)' },
      { flags: '--data-size <bytes>', text: `bytes of data area (default: ${usualDataSize})` },
      {
        flags: '--interface <name>',
        text: 'an interface (may be repeated; default: those that the program imports)',
        many: true,
        choices: resourceInterfaces,
      },
      { flags: '--place <reference>', text: 'a key place for mac or cipher (may be repeated)', many: true },
    ],
    async run(step) {
      const needs = programNeeds(step)
      const {
        request: made,
        document,
        fingerprint,
      } = await request(step.party('supplier'), {
        name: step.option('name'),
        aid: hex(step.option('aid'), 'aid'),
        ...needs,
        places: step.many('place').map((text) => reference(text)),
      })
      step.replaceFile(step.option('out'), document)
      const certified = made.certificate !== undefined
      return report(
        { ...made, certificate: undefined, certified, fingerprint },
        ...fields({
          request: `${made.name}, AID ${encodeHex(made.aid)}`,
          memory: `${made.size} bytes`,
          interfaces: made.interfaces.join(' '),
          key: certified ? 'with its certificate' : 'without certificate: tell the operator the fingerprint',
          fingerprint: encodeHex(fingerprint),
        }),
      )
    },
  })

  context.verb(supplier, {
    name: 'load <activation>',
    summary: 'load or update the program in your resource',
    about:
      "Checks the operator's activation: the module's certificates up to the manufacturer's root that you pinned, its own receipts that the resource holds your key. Then opens the channel, sends the signed manifest and the encrypted blocks, each checked by the module before it is written, and switches once at the end. Broken off anywhere, it goes on where it stopped; until the switch the old program runs. No operator and no authority is needed.",
    reads: ['ACTIVATION: from the operator'],
    writes: ['your store: activation and package', 'your outbox: the entry for the log'],
    examples: ['supplier load exchange/bank.activation --program bank --module chips/phone.chip'],
    module: 'required',
    options: [
      {
        flags: '--program <file>',
        text: `the program: a WebAssembly file, or one that comes along (${shippedPrograms.join(', ')})`,
        required: true,
      },
      {
        flags: '--data <file>',
        text: 'content of the data area; without it what is there stays, zeros at first',
      },
      { flags: '--data-size <bytes>', text: `bytes of data area (default: ${usualDataSize})` },
      {
        flags: '--version-number <number>',
        text: 'version of the package (default: one more than the last)',
      },
      { flags: '--block-size <bytes>', text: 'content of one block, 64 to 8192 (default: 1024)' },
      channelOption,
    ],
    async run(step) {
      const version = step.number('version-number')
      const blockSize = step.number('block-size')
      const data = step.optional('data')
      const wasm = programOf(step.option('program'), step)
      // What the module would refuse at the end is told before anything is sent.
      compileProgram(wasm)
      const done = await load(step.party('supplier'), await step.module(), {
        activation: step.readFile(step.argument(0)),
        program: wasm,
        data: data === undefined ? { size: step.number('data-size') ?? usualDataSize } : step.readFile(data),
        ...(version === undefined ? {} : { version }),
        ...(blockSize === undefined ? {} : { blockSize }),
        ...formOf(step),
      })
      const { serial, resource, aid, blocks, sent, receipt } = done
      return report(
        { serial, resource, aid, version: done.version, blocks, sent, event: receipt.number },
        ...fields({
          module: encodeHex(serial),
          resource: `${resource}, AID ${encodeHex(aid)}`,
          version: done.version,
          blocks: `${sent} of ${blocks} sent`,
          receipt: `holds, event ${receipt.number}`,
        }),
      )
    },
  })

  context.verb(supplier, {
    name: 'run',
    summary: 'send commands to your program in the module',
    about:
      'Selects the application, opens your channel with it and sends the commands in order, all in one selection. A command is INS, or INS:DATA, in hex; secrets belong in --data-file: `INS:@` stands for the content of that file.',
    examples: [
      'supplier run --module chips/phone.chip --command 12:31323334 --command 14',
      'supplier run --module chips/phone.chip --data-file pin.txt --command 12:@ --command 14',
    ],
    module: 'required',
    options: [
      {
        flags: '--command <ins[:data]>',
        text: 'a command of the application (may be repeated)',
        many: true,
        required: true,
      },
      { flags: '--aid <hex>', text: 'the application, where you have several in the module' },
      { flags: '--data-file <file>', text: 'data for the command INS:@; `-` is standard input' },
      channelOption,
    ],
    async run(step) {
      const aid = step.optional('aid')
      const file = step.optional('data-file')
      const secret = file === undefined ? undefined : await step.secret('data-file', 'data')
      const sent = step.many('command').map((text) => commandOf(text, secret))
      const answers = await run(
        step.party('supplier'),
        await step.module(),
        { ...(aid === undefined ? {} : { aid: hex(aid, 'aid') }), ...formOf(step) },
        async ({ command }) => {
          const list: { ins: number; sw: string; meaning: string; data: Uint8Array }[] = []
          for (const { ins, data } of sent) {
            const { sw, data: answer } = await command(ins, data)
            list.push({ ins, sw: statusText(sw), meaning: meaningOf(sw), data: answer })
          }
          return list
        },
      )
      const told = report(
        { answers },
        ...table(
          ['INS', 'status', 'meaning', 'data'],
          answers.map(({ ins, sw, meaning, data }) => [
            ins.toString(16).toUpperCase().padStart(2, '0'),
            sw,
            meaning,
            encodeHex(data),
          ]),
        ),
      )
      return answers.every(({ sw }) => sw === '9000') ? told : failing('module-refused', told)
    },
  })
}

const channelOption = {
  flags: '--channel <form>',
  text: 'how both ends prove themselves and agree on keys (default: mutual, at once; or the key first, or the signatures)',
  choices: supplierForms,
}

function formOf(step: Step): { form?: SupplierForm } {
  const form = step.optional('channel') as SupplierForm | undefined
  return form === undefined ? {} : { form }
}

/** Bytes of a program that is named by a file or comes with Sealwright. */
export function programOf(name: string, step: Pick<Step, 'readFile'>): Uint8Array {
  return (shippedPrograms as readonly string[]).includes(name)
    ? shippedProgram(name as ShippedProgram)
    : step.readFile(name)
}

/** Memory that a program needs: its data, and twice itself. */
export function sizeFor(wasm: Uint8Array, dataSize: number = usualDataSize): number {
  return 1024 * Math.ceil((dataSize + 2 * wasm.length) / 1024)
}

function programNeeds(step: Step): { size: number; interfaces: readonly InterfaceName[] } {
  const name = step.optional('program')
  const wasm = name === undefined ? undefined : programOf(name, step)
  const asked = step.many('interface') as InterfaceName[]
  const size =
    step.number('size') ?? (wasm === undefined ? undefined : sizeFor(wasm, step.number('data-size')))
  const wanted = asked.length > 0 || wasm === undefined ? asked : compileProgram(wasm).interfaces
  if (size === undefined) throw new UsageError('--size or --program: how much memory is needed?')
  const foreign = wanted.find((one) => interfaces[one].right === 0)
  if (foreign !== undefined) {
    throw new UsageError(`the program imports ${foreign}, which is never granted to a resource`)
  }
  return { size, interfaces: wanted }
}

function commandOf(text: string, secret: Uint8Array | undefined): { ins: number; data: Uint8Array } {
  const match = /^([0-9a-fA-F]{2})(?::(@|[0-9a-fA-F]*))?$/.exec(text)
  if (match === null) throw new UsageError(`--command: expected INS or INS:DATA in hex, got ${text}`)
  const ins = Number.parseInt(match[1]!, 16)
  if (match[2] === '@') {
    if (secret === undefined) throw new UsageError('--command INS:@ needs --data-file')
    return { ins, data: secret }
  }
  return { ins, data: hex(match[2] ?? '', 'command') }
}

function hex(text: string, option: string): Uint8Array {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) throw new UsageError(`--${option}: expected pairs of hex digits`)
  return decodeHex(text)
}

function reference(text: string): number {
  if (!/^[0-9a-fA-F]{8}$/.test(text)) throw new UsageError(`--place: expected 8 hex digits, got ${text}`)
  return Number.parseInt(text, 16)
}

function statusText(sw: number): string {
  return sw.toString(16).toUpperCase().padStart(4, '0')
}

function meaningOf(sw: number): string {
  const name = statusWordName(sw)
  return name === undefined ? "the application's own" : statusWords[name].meaning
}
