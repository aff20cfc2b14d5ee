import { decodeHex } from '@sealwright/core/bytes'
import { dataTags } from '@sealwright/core/catalog'
import { parseChipStatus } from '@sealwright/core/customization'
import { StateError } from '@sealwright/core/errors'
import { key as centralKey, payment, session } from '@sealwright/roles/central'
import { plain } from '@sealwright/roles/channel'
import { customize, finish, mask, type ProductName, products, unlock } from '@sealwright/roles/issuer'
import { certifyModule, certifyUnit, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { paymentOutcome, requestPayment } from '@sealwright/roles/terminal'
import { personalize, request } from '@sealwright/roles/unit'
import { type Life, maskLayout } from './life.ts'

/** One step of a life, done by the verbs of the roles. */
export interface Stage {
  readonly name: string
  /** The chip whose memory it changes; absent: it changes none. */
  readonly chip?: string
  /** False: `npm run fault` leaves it out unless it is named, for another chip does the same. */
  readonly faults?: false
  run(life: Life): Promise<void>
  /** Throws unless the step has reached its end. */
  check?(life: Life): Promise<void>
}

const serials = {
  cash: decodeHex('0000000000000101'),
  loader: decodeHex('0000000000000102'),
  terminal: decodeHex('0000000000000103'),
  phone: decodeHex('0000000000000104'),
} as const satisfies Record<ProductName, Uint8Array>

const fleet = 'fleet'

const maskStage: Stage = {
  name: 'mask',
  async run(life) {
    const { eepromSize = 64 * 1024, programs } = life.world
    const made = await mask(await life.party('issuer'), {
      name: fleet,
      layout: maskLayout,
      program: programs.rom,
      customization: programs.customization,
      eepromSize,
    })
    life.exchange.set('mask', made.file)
  },
}

function produceStage(chips: readonly string[]): Stage {
  return {
    name: 'produce',
    async run(life) {
      const manufacturer = await life.party('manufacturer')
      life.exchange.set('root', (await initRoot(manufacturer)).encoded)
      const done = await produce(manufacturer, {
        mask: life.file('mask'),
        factory: life.factory,
        names: chips,
      })
      life.exchange.set('note', done.deliveryNote)
    },
  }
}

/** From the blank chip to user mode. */
function factoryStages(chip: ProductName): Stage[] {
  const serial = serials[chip]
  const stages: Stage[] = [
    {
      name: `mount ${chip}`,
      chip,
      async run(life) {
        const done = await mount(await life.party('mounter'), {
          chip,
          power: async () => life.module(chip),
          serial,
          deliveryNote: life.file('note'),
        })
        if (done.outcome !== 'mounted') throw new StateError(`discarded: ${done.reason}`)
      },
      async check(life) {
        if ((await statusOf(life, chip)).serial?.join() !== serial.join())
          throw new StateError('no serial number')
      },
    },
    {
      name: `unlock ${chip}`,
      chip,
      async run(life) {
        await unlock(await life.party('issuer'), life.module(chip), { mask: fleet })
      },
      check: (life) => requireMode(life, chip, 'customization'),
    },
    {
      name: `customize ${chip}`,
      chip,
      async run(life) {
        const done = await customize(await life.party('issuer'), life.module(chip), {
          mask: fleet,
          product: products[chip],
          programs: life.world.programs,
          manufacturerRoot: life.file('root'),
        })
        life.exchange.set(`${chip}.papers`, done.papers)
        life.exchange.set(`${chip}.request`, done.identityRequest!)
        const certificate = await certifyModule(await life.party('manufacturer'), {
          request: done.identityRequest!,
        })
        life.exchange.set(`${chip}.certificate`, certificate.encoded)
      },
      check: (life) => requireMode(life, chip, 'customization'),
    },
    {
      name: `finish ${chip}`,
      chip,
      async run(life) {
        await finish(await life.party('issuer'), life.module(chip), {
          mask: fleet,
          certificate: life.file(`${chip}.certificate`),
        })
      },
      check: (life) => requireMode(life, chip, 'user'),
    },
  ]
  return chip === 'terminal' ? stages : stages.map((stage) => ({ ...stage, faults: false }))
}

const certifyUnitStage: Stage = {
  name: 'certify-unit',
  async run(life) {
    const unit = await life.party('unit')
    const { document } = await request(unit, { name: 'unit', customer: new Uint8Array(16).fill(7) })
    const certificate = await certifyUnit(await life.party('manufacturer'), { request: document })
    life.exchange.set('unit', certificate.encoded)
    life.exchange.set('unit.point', certificate.publicPoint)
    life.exchange.set(
      'central',
      (await centralKey(await life.party('central'), { name: 'central' })).document,
    )
  },
}

function personalizeStage(chip: ProductName): Stage {
  return {
    name: `personalize ${chip}`,
    chip,
    ...(chip === 'terminal' ? {} : { faults: false }),
    async run(life) {
      await personalize(await life.party('unit'), life.module(chip), {
        serial: serials[chip],
        unit: life.file('unit'),
        root: life.file('root'),
        central: life.file('central'),
      })
    },
    async check(life) {
      const tag = dataTags.state
      const state = await plain(life.module(chip)).send('GET DATA', { p1: tag >> 8, p2: tag & 0xff })
      if (state[1] !== 0x0f) throw new StateError('not operating')
    },
  }
}

const sessionStage: Stage = {
  name: 'session',
  chip: 'cash',
  async run(life) {
    const transport = life.module('cash')
    const number = await requestPayment(transport, { account: 'DE02120300', amount: 5000, currency: 'EUR' })
    const central = await life.party('central')
    await session(central, transport, { unit: { point: life.file('unit.point') } }, async (open) => {
      await payment(open, () => true)
    })
    const { pay } = await paymentOutcome(transport, number)
    if (!pay) throw new StateError('not paid')
  },
}

/** The whole life in its order. */
export function stages(chips: readonly ProductName[] = ['cash', 'loader', 'terminal', 'phone']): Stage[] {
  return [
    maskStage,
    produceStage(chips),
    ...chips.flatMap(factoryStages),
    certifyUnitStage,
    ...chips.filter((chip) => chip !== 'loader').map(personalizeStage),
    ...(chips.includes('cash') ? [sessionStage] : []),
  ]
}

async function statusOf(life: Life, chip: string) {
  return parseChipStatus(await plain(life.module(chip)).send('CHIP STATUS'))
}

async function requireMode(life: Life, chip: string, expected: string): Promise<void> {
  const { mode } = await statusOf(life, chip)
  if (mode !== expected) throw new StateError(`mode ${mode}, expected ${expected}`)
}
