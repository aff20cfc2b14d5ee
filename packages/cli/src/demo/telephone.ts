import { ascii, concat, encodeHex, Reader } from '@sealwright/core/bytes'
import type { InterfaceName } from '@sealwright/core/catalog'
import { withHandle } from '@sealwright/core/crypto'
import { RefusedError, StateError } from '@sealwright/core/errors'
import { applicationInput } from '@sealwright/core/resources'
import { compileProgram } from '@sealwright/module/program'
import * as authority from '@sealwright/roles/authority'
import * as operator from '@sealwright/roles/operator'
import * as supplier from '@sealwright/roles/supplier'
import { pinRoot } from '@sealwright/roles/trust'
import { sizeFor, usualDataSize } from '../commands/supplier.ts'
import { certificateOf } from '../framework/index.ts'
import { shippedProgram } from '../shipped-programs.ts'
import { demoChips, manufacturerRootFile } from './factory.ts'
import { authorityFile, certifiedFiles, certifiedVerbs, certifyStage, keyStage } from './network.ts'
import type { Scene, Stage, World } from './stage.ts'

const { chip } = demoChips.phone
const requestFile = 'exchange/bank.request'
const activationFile = 'exchange/bank.activation'
const aid = Uint8Array.of(0xf0, 0x53, 0x57, 0x01, 0x01)
const resource = 1

// Account, PIN and amount of the story; nobody's secrets.
const account = '12345678901234567890'
const pin = '4711'
const limit = Uint8Array.of(0, 0, 0, 0, 0, 1, 0x86, 0xa0)
const nonce = ascii('shop-nonce-00001')
const payment = concat(Uint8Array.of(0, 0, 0, 0, 0, 0, 0x27, 0x10, 0x09, 0x78), nonce)
const commands = {
  store: { ins: 0x10, data: concat(limit, Uint8Array.of(account.length), ascii(account), ascii(pin)) },
  identify: { ins: 0x12, data: ascii(pin) },
  statement: { ins: 0x14, data: new Uint8Array(0) },
  authorise: { ins: 0x16, data: payment },
} as const

/** Fourth scene: a bank gets room in a telephone's module and runs its own program there; the operator cannot look in, but can shut the door. */
export const telephone: Scene = {
  name: 'telephone',
  title: "The telephone: a bank's program in somebody else's module",
  stages: [
    keyStage('supplier'),
    certifyStage('supplier'),
    trustStage(),
    registerStage(),
    requestStage(),
    reserveStage(),
    activateStage(),
    loadStage(),
    runStage(),
    blockStage(),
  ],
}

function trustStage(): Stage {
  const roots = [manufacturerRootFile, authorityFile]
  const parties = ['operator', 'supplier'] as const
  return {
    name: 'trust',
    text: 'Operator and supplier pin the two roots that they believe, and keep their own certificates.',
    commandLines: [
      ...parties.flatMap((party) => [
        [party, 'trust', ...roots],
        [party, 'certificate', certifiedFiles(party).certificate],
      ]),
      ['authority', 'trust', manufacturerRootFile],
    ],
    async run(world) {
      const der = (file: string): Uint8Array => certificateOf(world.read(file), file)
      for (const party of parties) {
        for (const root of roots) await pinRoot(world.party(party), { certificate: der(root) })
        await certifiedVerbs[party].certificate(world.party(party), {
          certificate: der(certifiedFiles(party).certificate),
        })
      }
      await pinRoot(world.party('authority'), { certificate: der(manufacturerRootFile) })
      return []
    },
  }
}

function registerStage(): Stage {
  return {
    name: 'register',
    module: chip,
    text: "The authority enters the telephone's module: number, public key, memory.",
    commandLines: [['authority', 'register', '--module', chip]],
    async run(world) {
      const entry = await authority.register(world.party('authority'), await world.module(chip))
      return [`${encodeHex(entry.serial)}: ${entry.room.end - entry.room.start} bytes for resources`]
    },
  }
}

function requestStage(): Stage {
  return {
    name: 'request',
    text: 'The bank asks for room: memory, interfaces and parameters, signed with the key that it names.',
    commandLines: [
      [
        ...['supplier', 'request', '--name', 'bank', '--aid', encodeHex(aid)],
        ...['--program', 'bank', '--out', requestFile],
      ],
    ],
    async run(world) {
      const { wasm, interfaces } = application(world)
      const made = await supplier.request(world.party('supplier'), {
        ...{ name: 'bank', aid, interfaces },
        size: sizeFor(wasm),
      })
      world.write(requestFile, made.document)
      return [`${made.request.size} bytes, interfaces ${made.request.interfaces.join(' ')}`]
    },
  }
}

function reserveStage(): Stage {
  return {
    name: 'reserve',
    module: chip,
    text: 'The operator picks a place from its records and has the module lay the resource out, with the bank’s key in it.',
    commandLines: [['operator', 'reserve', requestFile, '--module', chip]],
    async run(world) {
      const done = await operator.reserve(world.party('operator'), await world.module(chip), {
        request: world.read(requestFile),
      })
      const { id, start, end } = done.resource
      if (id !== resource) throw new StateError(`the resource has number ${id}`)
      return [`resource ${id} from ${start} to ${end}; the module's signed receipt holds`]
    },
  }
}

function activateStage(): Stage {
  return {
    name: 'activate',
    module: chip,
    text: "The operator opens the resource and gives the bank the module's certificates and receipts. Its part ends here.",
    commandLines: [['operator', 'activate', String(resource), '--module', chip, '--out', activationFile]],
    async run(world) {
      const done = await operator.activate(world.party('operator'), await world.module(chip), { resource })
      world.write(activationFile, done.activation)
      return [`activation of ${done.activation.length} bytes`]
    },
  }
}

function loadStage(): Stage {
  return {
    name: 'load',
    module: chip,
    text: 'The bank checks the module up to the manufacturer’s root, opens its channel and loads its program. Nobody between can read it.',
    commandLines: [['supplier', 'load', activationFile, '--program', 'bank', '--module', chip]],
    async run(world) {
      const { wasm } = application(world)
      const done = await supplier.load(world.party('supplier'), await world.module(chip), {
        activation: world.read(activationFile),
        program: wasm,
        data: { size: usualDataSize },
      })
      return [
        `version ${done.version}, ${done.sent} encrypted blocks, switched once; receipt of event ${done.receipt.number} holds`,
      ]
    },
  }
}

function runStage(): Stage {
  return {
    name: 'run',
    module: chip,
    text: 'The program keeps the account number, knows the holder by a PIN, and has the module sign what the holder authorises.',
    commandLines: [
      [
        ...['supplier', 'run', '--module', chip],
        ...Object.values(commands).flatMap(({ ins, data }) => [
          '--command',
          `${encodeHex(Uint8Array.of(ins))}${data.length === 0 ? '' : `:${encodeHex(data)}`}`,
        ]),
      ],
    ],
    async run(world) {
      const module = await world.module(chip)
      if (world.app !== undefined) return runOwn(world)
      return supplier.run(world.party('supplier'), module, {}, async ({ activation, command }) => {
        const answers: Uint8Array[] = []
        for (const { ins, data } of Object.values(commands)) {
          const { sw, data: answer } = await command(ins, data)
          if (sw !== 0x9000) throw new StateError(`the program answered ${sw.toString(16)}`)
          answers.push(answer)
        }
        const [, , statement, receipt] = answers
        const signedNumber = receipt!.subarray(0, 12)
        const signature = receipt!.subarray(12)
        const signed = concat(ascii('PAY1'), signedNumber, payment, ascii(account.slice(-4)))
        const { crypto } = world.party('supplier')
        const holds = withHandle(crypto.ecPublicKey(activation.modulePoint), (key) =>
          key.verify(signature, ...applicationInput(activation.resource, signed)),
        )
        if (!holds) throw new StateError("the module's signature over the payment does not hold")
        const r = new Reader(statement!, 'statement')
        const masked = new TextDecoder().decode(r.take(r.u8('digits'), 'account'))
        return [
          `account ${masked}, holder identified by PIN`,
          'payment of 100.00 EUR authorised; signature checked with the operating certificate',
        ]
      })
    },
  }
}

/**
 * The scene with the user's own program in the place of the bank's.
 * @param file its path as it is typed inside the workspace
 */
export function telephoneWith(file: string): Scene {
  return {
    ...telephone,
    stages: telephone.stages.map((stage) =>
      stage.name === 'run'
        ? {
            ...stage,
            text: 'Your own program runs in the module: it is sent one command, INS 01.',
            commandLines: [['supplier', 'run', '--module', chip, '--command', '01']],
          }
        : { ...stage, commandLines: stage.commandLines.map((words) => withProgram(words, file)) },
    ),
  }
}

function withProgram(words: readonly string[], file: string): readonly string[] {
  const at = words.indexOf('--program')
  return at < 0 ? words : [...words.slice(0, at + 1), file, ...words.slice(at + 2)]
}

async function runOwn(world: World): Promise<string[]> {
  const module = await world.module(chip)
  return supplier.run(world.party('supplier'), module, {}, async ({ command }) => {
    const { sw, data } = await command(0x01)
    return [
      `your program answers INS 01 with ${sw.toString(16).toUpperCase()} and ${data.length} bytes ${encodeHex(data.subarray(0, 32))}`,
    ]
  })
}

function blockStage(): Stage {
  return {
    name: 'block',
    module: chip,
    text: 'The operator blocks the resource: nothing is erased, and nothing runs.',
    commandLines: [['operator', 'block', String(resource), '--module', chip]],
    async run(world) {
      const module = await world.module(chip)
      await operator.block(world.party('operator'), module, { resource })
      try {
        await supplier.run(world.party('supplier'), module, {}, async () => {})
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error
        return ['resource 1 is blocked', `supplier run: ${error.message}`]
      }
      throw new StateError('the program still runs')
    },
  }
}

function application(world: World): { wasm: Uint8Array; interfaces: readonly InterfaceName[] } {
  const wasm = world.app ?? shippedProgram('bank')
  return { wasm, interfaces: compileProgram(wasm).interfaces }
}
