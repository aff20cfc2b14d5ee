import { encodeHex } from '@sealwright/core/bytes'
import { type InterfaceName, interfaces } from '@sealwright/core/catalog'
import { UsageError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import { resourceInterfaces } from '@sealwright/core/resources'
import {
  activate,
  block,
  certificate,
  deleteResource,
  key,
  moduleRecords,
  type Ordered,
  release,
  reserve,
} from '@sealwright/roles/operator'
import type { PartyPorts } from '@sealwright/roles/ports'
import type { Command } from 'commander'
import { type Context, fields, type Report, report, type Step, table } from '../framework/index.ts'
import { certifiedPartyVerbs, fingerprintOptions, toldFingerprint } from './certified-party.ts'

export function register(program: Command, context: Context): void {
  const operator = context.group(
    program,
    'operator',
    'rent out room in modules: reserve, activate, block',
    'The operator alone decides who has room in a module: its signed documents reserve, activate, block, release and delete resources. What a supplier does inside his resource stays between him and the module.',
  )

  certifiedPartyVerbs(context, operator, {
    party: 'operator',
    use: 'sign documents for modules',
    key,
    certificate,
  })

  context.verb(operator, {
    name: 'reserve <request>',
    summary: 'reserve a resource for a supplier',
    about: `Checks the supplier's request and where its key comes from (a certificate up to the authority that you pinned, or the fingerprint that you were told), picks number, size and place from your records, and has the module lay the resource out. The module's signed receipt is checked and kept. Interfaces that can be granted: ${resourceInterfaces.map((name) => `${name} (${interfaces[name].meaning})`).join('; ')}.`,
    reads: ['REQUEST: from the supplier'],
    writes: ['your store: the reservation and the receipt', 'your outbox: the entry for the log'],
    examples: ['operator reserve exchange/bank.request --module chips/phone.chip'],
    module: 'required',
    options: [
      {
        flags: '--resource <number>',
        text: 'number of the resource, 1 to 255 (default: the lowest free one)',
      },
      {
        flags: '--start <address>',
        text: 'first address, or `module` to leave the place to the module (default: from your records)',
      },
      { flags: '--size <bytes>', text: 'bytes of the area (default: as requested)' },
      {
        flags: '--interface <name>',
        text: 'grant this interface instead of those requested (may be repeated)',
        many: true,
        choices: resourceInterfaces,
      },
      { flags: '--budget <units>', text: 'what one call of the program may spend (default: 20 million)' },
      ...fingerprintOptions,
    ],
    async run(step) {
      const fingerprint = toldFingerprint(step)
      const resource = step.number('resource')
      const size = step.number('size')
      const budget = step.number('budget')
      const start = step.optional('start') === 'module' ? 'module' : step.number('start')
      const granted = step.many('interface') as InterfaceName[]
      const done = await reserve(step.party('operator'), await step.module(), {
        request: step.readFile(step.argument(0)),
        ...(fingerprint === undefined ? {} : { fingerprint }),
        ...(resource === undefined ? {} : { resource }),
        ...(start === undefined ? {} : { start }),
        ...(size === undefined ? {} : { size }),
        ...(budget === undefined ? {} : { budget }),
        ...(granted.length === 0 ? {} : { interfaces: granted }),
      })
      return told(done, `next: operator activate ${done.resource.id}`)
    },
  })

  context.verb(operator, {
    name: 'activate <resource>',
    summary: 'make a reserved resource usable and tell its supplier',
    about:
      "Has the module take sessions for the resource, and writes the file for the supplier: the module's certificates, the resource's identification, and the module's own signed receipts. The supplier needs nothing else from you from then on.",
    writes: ['--out FILE: the activation, for the supplier', 'your outbox: the entry for the log'],
    examples: ['operator activate 1 --module chips/phone.chip --out exchange/bank.activation'],
    module: 'required',
    options: [{ flags: '--out <file>', text: 'the activation', required: true }],
    async run(step) {
      const done = await activate(step.party('operator'), await step.module(), { resource: number(step) })
      step.writeFile(step.option('out'), done.activation)
      return told(done)
    },
  })

  const orders: readonly [
    string,
    string,
    string,
    (ports: PartyPorts, transport: Transport, which: { resource: number }) => Promise<Ordered>,
  ][] = [
    [
      'block',
      'make a resource unusable without erasing it',
      "From now on the supplier's key opens nothing, the application is gone from sight, and an open session ends. The content stays and comes back with `operator release`.",
      block,
    ],
    [
      'release',
      'make a blocked resource usable again',
      'The resource is what it was before it was blocked, its program and data included.',
      release,
    ],
  ]
  for (const [name, summary, about, work] of orders) {
    context.verb(operator, {
      name: `${name} <resource>`,
      summary,
      about,
      writes: ['your outbox: the entry for the log'],
      examples: [`operator ${name} 1 --module chips/phone.chip`],
      module: 'required',
      async run(step) {
        return told(await work(step.party('operator'), await step.module(), { resource: number(step) }))
      },
    })
  }

  context.verb(operator, {
    name: 'delete <resource>',
    summary: 'erase a resource: program, data and key',
    about: 'Overwrites the whole area and its definition in the module. Nothing brings it back.',
    writes: ['your outbox: the entry for the log'],
    examples: ['operator delete 1 --module chips/phone.chip --irreversible'],
    module: 'required',
    options: [{ flags: '--irreversible', text: 'say that you mean it', required: true }],
    async run(step) {
      const which = { resource: number(step) }
      return told(await deleteResource(step.party('operator'), await step.module(), which))
    },
  })

  context.verb(operator, {
    name: 'list',
    summary: 'list the resources in your records',
    about: 'Lists the resources of all modules as your records have them: number, state, area, service.',
    examples: ['operator list'],
    async run(step) {
      const records = await moduleRecords(step.party('operator'))
      const all = records.flatMap(({ serial, resources }) => resources.map((one) => ({ serial, ...one })))
      return report(
        {
          resources: all.map(({ serial, id, state, start, end, name, aid }) => ({
            ...{ serial, resource: id, state, start, end, name, aid },
          })),
        },
        ...table(
          ['module', 'resource', 'state', 'from', 'to', 'AID', 'service'],
          all.map(({ serial, id, state, start, end, aid, name }) => [
            ...[encodeHex(serial), String(id), state, String(start), String(end), encodeHex(aid), name],
          ]),
        ),
      )
    },
  })
}

function number(step: Step): number {
  const text = step.argument(0)
  const value = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > 255)
    throw new UsageError(`expected the number of a resource, 1 to 255, got ${text}`)
  return value
}

function told({ serial, resource }: Omit<Ordered, 'entries'>, next?: string): Report {
  const { id, state, start, end, aid, name } = resource
  return report(
    { serial, resource: id, state, start, end, aid, name },
    ...fields({
      module: encodeHex(serial),
      resource: `${id}, ${state}${name === '' ? '' : `: ${name}`}`,
      area: `${end - start} bytes from ${start} to ${end}`,
      AID: encodeHex(aid),
    }),
    ...(next === undefined ? [] : [next]),
  )
}
