import { StateError } from '@sealwright/core/errors'
import { customize, finish, mask, type ProductName, products, unlock } from '@sealwright/roles/issuer'
import { certifyModule, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { maskLayout } from './life.ts'
import { requireMode, type Stage, serials, statusOf } from './stage.ts'

const fleet = 'fleet'

export const maskStage: Stage = {
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

export function produceStage(chips: readonly string[]): Stage {
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
export function factoryStages(chip: ProductName): Stage[] {
  const stages = [mountStage(chip), unlockStage(chip), customizeStage(chip), finishStage(chip)]
  return chip === 'terminal' ? stages : stages.map((stage) => ({ ...stage, faults: false }))
}

function mountStage(chip: ProductName): Stage {
  const serial = serials[chip]
  return {
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
  }
}

function unlockStage(chip: ProductName): Stage {
  return {
    name: `unlock ${chip}`,
    chip,
    restarts: true,
    async run(life) {
      await unlock(await life.party('issuer'), life.module(chip), { mask: fleet })
    },
    check: (life) => requireMode(life, chip, 'customization'),
  }
}

function customizeStage(chip: ProductName): Stage {
  return {
    name: `customize ${chip}`,
    chip,
    async run(life) {
      const done = await customize(await life.party('issuer'), life.module(chip), {
        mask: fleet,
        product: chip === 'cash' ? { ...products[chip], laterCustomization: true } : products[chip],
        ...(chip === 'cash' ? { sam: life.module('sam') } : {}),
        programs: life.world.programs,
        manufacturerRoot: life.file('root'),
        ...(chip === 'phone' ? { operators: [life.file('operator.point')] } : {}),
      })
      const request = done.identityRequest!
      life.exchange.set(`${chip}.papers`, done.papers)
      const certificate = await certifyModule(await life.party('manufacturer'), { request })
      life.exchange.set(`${chip}.certificate`, certificate.encoded)
    },
    check: (life) => requireMode(life, chip, 'customization'),
  }
}

function finishStage(chip: ProductName): Stage {
  return {
    name: `finish ${chip}`,
    chip,
    restarts: true,
    async run(life) {
      await finish(await life.party('issuer'), life.module(chip), {
        mask: fleet,
        certificate: life.file(`${chip}.certificate`),
      })
    },
    check: (life) => requireMode(life, chip, 'user'),
  }
}
