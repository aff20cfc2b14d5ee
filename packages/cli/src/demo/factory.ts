import { decodeHex, encodeHex, wipe } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import { chipFactory, maskLayout } from '@sealwright/node/chips'
import {
  certifiedPoints,
  customize,
  finish,
  mask,
  type ProductName,
  products,
  unlock,
} from '@sealwright/roles/issuer'
import { certifyModule, initRoot, produce } from '@sealwright/roles/manufacturer'
import { mount } from '@sealwright/roles/mounter'
import { certificateFile, certificateOf } from '../framework/index.ts'
import { productPrograms, shippedProgram } from '../shipped-programs.ts'
import { authorityFile, operatorFile } from './network.ts'
import type { Scene, Stage } from './stage.ts'

/** A chip of the demo: what it becomes, and the files that go from hand to hand for it. */
export interface DemoChip {
  readonly product: ProductName
  /** 16 hex digits. */
  readonly serial: string
  readonly chip: string
  readonly papers: string
  readonly request: string
  readonly certificate: string
}

export const manufacturerRootFile = 'certs/manufacturer-root.pem'

/** The four chips that are made from one mask. */
export const demoChips = {
  cash: demoChip('cash', '0000000000000001'),
  loader: demoChip('loader', '0000000000000002'),
  terminal: demoChip('terminal', '0000000000000003'),
  phone: demoChip('phone', '0000000000000004'),
} as const satisfies Partial<Record<ProductName, DemoChip>>

const chips: readonly DemoChip[] = Object.values(demoChips)
const maskFile = 'exchange/fleet.mask'
const noteFile = 'exchange/fleet.note'
const name = 'fleet'

/** First scene: four chips from one mask, each customized into another product. */
export const factory: Scene = {
  name: 'factory',
  title: 'The factory: one mask, four products',
  stages: [
    maskStage(),
    rootStage(),
    produceStage(),
    ...chips.flatMap((chip) => [
      mountStage(chip),
      unlockStage(chip),
      customizeStage(chip),
      certifyStage(chip),
      finishStage(chip),
    ]),
  ],
}

function maskStage(): Stage {
  return {
    name: 'mask',
    text: 'The issuer makes a mask: half of the software, and the customization software under a key that stays at home.',
    commandLines: [['issuer', 'mask', name, '--out', maskFile]],
    async run(world) {
      const made = await mask(world.party('issuer'), {
        name,
        layout: maskLayout,
        program: shippedProgram('rom'),
        customization: shippedProgram('customization'),
      })
      world.write(maskFile, made.file)
      return [`mask ${name}: ${made.file.length} bytes, ROM ${encodeHex(made.romDigest.subarray(0, 8))}…`]
    },
  }
}

function rootStage(): Stage {
  return {
    name: 'init-root',
    text: 'The manufacturer makes the root that will say which modules are his.',
    commandLines: [['manufacturer', 'init-root', '--out', manufacturerRootFile]],
    async run(world) {
      const root = await initRoot(world.party('manufacturer'))
      world.write(manufacturerRootFile, certificateFile(root.encoded))
      return [`root certificate ${encodeHex(root.serialNumber)}`]
    },
  }
}

function produceStage(): Stage {
  const names = chips.map(({ chip }) => chip)
  return {
    name: 'produce',
    text: 'The manufacturer makes chips from the mask, which is all that he has.',
    commandLines: [['manufacturer', 'produce', maskFile, ...names, '--delivery-note', noteFile]],
    async run(world) {
      const done = await produce(world.party('manufacturer'), {
        mask: world.read(maskFile),
        factory: chipFactory(world.folder),
        names,
      })
      world.write(noteFile, done.deliveryNote)
      return [`made ${done.made.join(' ')}`]
    },
  }
}

function mountStage({ product, serial, chip }: DemoChip): Stage {
  const print = `${product.toUpperCase()} ${serial.slice(-4)}`
  return {
    name: 'mount',
    module: chip,
    text: `The mounter tests the ${product} chip, writes its serial number and prints the support. He has no key.`,
    commandLines: [
      [
        'mounter',
        'mount',
        '--module',
        chip,
        '--serial',
        serial,
        '--delivery-note',
        noteFile,
        '--print',
        print,
      ],
    ],
    async run(world) {
      const done = await mount(world.party('mounter'), {
        chip,
        power: () => world.module(chip),
        serial: decodeHex(serial),
        deliveryNote: world.read(noteFile),
        print,
      })
      if (done.outcome !== 'mounted') throw new StateError(`the chip was discarded: ${done.reason}`)
      return [`serial number ${serial}`]
    },
  }
}

function unlockStage({ product, chip }: DemoChip): Stage {
  return {
    name: 'unlock',
    module: chip,
    text: `The issuer unlocks the ${product} chip: it decrypts its own customization software and runs it from now on.`,
    commandLines: [['issuer', 'unlock', '--module', chip, '--mask', name]],
    async run(world) {
      const done = await unlock(world.party('issuer'), await world.module(chip), { mask: name })
      return [`${encodeHex(done.serial)} is in customization mode`]
    },
  }
}

function customizeStage({ product, chip, papers, request }: DemoChip): Stage {
  return {
    name: 'customize',
    module: chip,
    text: `The issuer makes it the product ${product}: vectors, software, places, keys. The chip makes its identity key.`,
    commandLines: [
      [
        ...['issuer', 'customize', '--module', chip, '--mask', name, '--product', product],
        ...['--manufacturer-root', manufacturerRootFile, '--papers', papers, '--request', request],
        ...(product === 'phone' ? ['--authority', authorityFile, '--operator', operatorFile] : []),
      ],
    ],
    async run(world) {
      const done = await customize(world.party('issuer'), await world.module(chip), {
        mask: name,
        product: products[product],
        programs: productPrograms(),
        manufacturerRoot: certificateOf(world.read(manufacturerRootFile), manufacturerRootFile),
        ...(product === 'phone'
          ? certifiedPoints(world.party('issuer'), {
              authority: certificateOf(world.read(authorityFile), authorityFile),
              operators: [certificateOf(world.read(operatorFile), operatorFile)],
            })
          : {}),
      })
      world.write(papers, done.papers, 0o600)
      wipe(done.papers)
      world.write(request, done.identityRequest!)
      return [`${done.writes} WRITE commands; papers for the owner, a request for the manufacturer`]
    },
  }
}

function certifyStage({ product, chip, request, certificate }: DemoChip): Stage {
  return {
    name: 'certify-module',
    module: chip,
    text: `The manufacturer certifies the identity key of the ${product} module.`,
    commandLines: [['manufacturer', 'certify-module', request, '--out', certificate]],
    async run(world) {
      const done = await certifyModule(world.party('manufacturer'), { request: world.read(request) })
      world.write(certificate, certificateFile(done.encoded))
      return [`identity certificate ${encodeHex(done.serialNumber)}`]
    },
  }
}

function finishStage({ product, chip, certificate }: DemoChip): Stage {
  return {
    name: 'finish',
    module: chip,
    text: `The ${product} module erases its customization software, blows the fuse and is in user mode, for ever.`,
    commandLines: [
      [
        ...['issuer', 'finish', '--module', chip, '--mask', name],
        ...['--certificate', certificate, '--irreversible'],
      ],
    ],
    async run(world) {
      const done = await finish(world.party('issuer'), await world.module(chip), {
        mask: name,
        certificate: certificateOf(world.read(certificate), certificate),
      })
      return [`${encodeHex(done.serial)} is in user mode`]
    },
  }
}

function demoChip(product: ProductName, serial: string): DemoChip {
  return {
    product,
    serial,
    chip: `chips/${product}.chip`,
    papers: `exchange/${product}.papers`,
    request: `exchange/${product}.request`,
    certificate: `certs/${product}-identity.pem`,
  }
}
