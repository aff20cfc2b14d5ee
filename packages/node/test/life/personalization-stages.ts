import { StateError } from '@sealwright/core/errors'
import { key as centralKey, depersonalize, payment, session } from '@sealwright/roles/central'
import type { ProductName } from '@sealwright/roles/issuer'
import { certifyUnit } from '@sealwright/roles/manufacturer'
import { paymentOutcome, requestPayment } from '@sealwright/roles/terminal'
import { personalize, request } from '@sealwright/roles/unit'
import { requireState, type Stage, serials } from './stage.ts'

export const certifyUnitStage: Stage = {
  name: 'certify-unit',
  async run(life) {
    const unit = await life.party('unit')
    const { document, fingerprint } = await request(unit, {
      name: 'unit',
      customer: new Uint8Array(16).fill(7),
    })
    const manufacturer = await life.party('manufacturer')
    const certificate = await certifyUnit(manufacturer, { request: document, fingerprint })
    life.exchange.set('unit', certificate.encoded)
    life.exchange.set('unit.point', certificate.publicPoint)
    const central = await centralKey(await life.party('central'), { name: 'central' })
    life.exchange.set('central', central.document)
    life.exchange.set('central.fingerprint', central.fingerprint)
  },
}

export function personalizeStage(chip: ProductName): Stage {
  return {
    name: `personalize ${chip}`,
    chip,
    restarts: true,
    ...(chip === 'terminal' ? {} : { faults: false as const }),
    async run(life) {
      await personalize(await life.party('unit'), life.module(chip), {
        serial: serials[chip],
        unit: life.file('unit'),
        root: life.file('root'),
        central: life.file('central'),
        centralFingerprint: life.file('central.fingerprint'),
      })
    },
    check: (life) => requireState(life, chip, 'operating'),
  }
}

export const sessionStage: Stage = {
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

/** The terminal has a key that was downloaded; the end of its work takes that along. */
export const depersonalizeStage: Stage = {
  name: 'depersonalize',
  chip: 'terminal',
  restarts: true,
  async run(life) {
    await depersonalize(await life.party('central'), life.module('terminal'), {
      unit: { point: life.file('unit.point') },
      serial: serials.terminal,
    })
  },
  check: (life) => requireState(life, 'terminal', 'awaiting-personalization'),
}
