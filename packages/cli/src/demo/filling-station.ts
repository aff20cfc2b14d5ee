import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import { blankRecord, parseCardFile, serializeCardFile } from '@sealwright/core/loyalty'
import { keepPapers } from '@sealwright/roles/custody'
import { fuelKeyPlace, fuelKeySource } from '@sealwright/roles/issuer'
import { exportKey, installTransportKey, makeKey, makeSet, verifyReceipt } from '@sealwright/roles/loader'
import { book, importKey, prepareKey } from '@sealwright/roles/terminal'
import { demoChips } from './factory.ts'
import type { Scene, Stage } from './stage.ts'

const { loader, terminal } = demoChips
const set = 1
const requestFile = 'exchange/terminal.key-request'
const messageFile = 'exchange/terminal.key-message'
const receiptFile = 'exchange/terminal.key-receipt'
const cardFile = 'exchange/customer.card'
const cardNumber = '0000000000000042'

/** Third scene: a key goes to a terminal in one download, and is used there for a customer's loyalty points. */
export const fillingStation: Scene = {
  name: 'filling-station',
  title: 'The filling station: one download, and the key is in use',
  stages: [
    setStage(),
    installStage(),
    keyStage(),
    prepareStage(),
    exportStage(),
    importStage(),
    receiptStage(),
    ...useStages(),
  ],
}

function setStage(): Stage {
  return {
    name: 'set-new',
    module: loader.chip,
    text: 'The loader is a card like the others. Its custodian makes a set: transport key T, and KS, which signs keys.',
    commandLines: [
      ['loader', 'set', 'new', '--module', loader.chip, '--papers', loader.papers, '--set', String(set)],
    ],
    async run(world) {
      const ports = world.party('loader')
      await keepPapers(ports, world.read(loader.papers))
      const { entry } = await makeSet(ports, await world.module(loader.chip), { set })
      return [`set ${set}, profile ${entry.profile}, check value of T ${encodeHex(entry.transportCheck)}`]
    },
  }
}

function installStage(): Stage {
  return {
    name: 'install-t',
    module: terminal.chip,
    text: "The terminal's module gets its own transport key TU, made from T for it alone, over a channel under its document key.",
    commandLines: [
      [
        ...['module', 'install-t', '--module', terminal.chip, '--papers', terminal.papers],
        ...['--set', String(set)],
      ],
    ],
    async run(world) {
      const ports = world.party('loader')
      await keepPapers(ports, world.read(terminal.papers))
      const done = await installTransportKey(ports, await world.module(terminal.chip), { set })
      return [`${encodeHex(done.serial)} holds TU, check value ${encodeHex(done.checkValue)}`]
    },
  }
}

function keyStage(): Stage {
  return {
    name: 'key-new',
    module: loader.chip,
    text: "The loader card makes the fuel's key inside itself, for MACs only.",
    commandLines: [
      [
        ...['loader', 'key', 'new', '--module', loader.chip, '--reference', reference(fuelKeySource)],
        ...['--set', String(set), '--usage', 'M6', '--mode', 'C'],
      ],
    ],
    async run(world) {
      const { entry } = await makeKey(world.party('loader'), await world.module(loader.chip), {
        ...{ source: fuelKeySource, set, diversified: false, exportsLeft: undefined },
        attributes: {
          ...{ usage: 'M6', algorithm: 'A', mode: 'C', version: 1 },
          ...{ exportability: 'N', keyLength: 16 },
        },
        modules: { rule: 'all-but', serials: [] },
      })
      return [`key ${reference(fuelKeySource)}, check value ${encodeHex(entry.checkValue)}`]
    },
  }
}

function prepareStage(): Stage {
  return {
    name: 'prepare',
    module: terminal.chip,
    text: 'The terminal asks: its module gives serial number, a random number R, and names the key that the application needs.',
    commandLines: [
      [
        ...['module', 'prepare', '--module', terminal.chip, '--place', reference(fuelKeyPlace)],
        ...['--out', requestFile],
      ],
    ],
    async run(world) {
      const asked = { place: fuelKeyPlace, held: true }
      const { request, file } = await prepareKey(await world.module(terminal.chip), asked)
      world.write(requestFile, file)
      return [
        `REF1 ${reference(request.source)}, REF2 ${reference(request.destination)}, R ${encodeHex(request.random)}`,
      ]
    },
  }
}

function exportStage(): Stage {
  return {
    name: 'export-key',
    module: loader.chip,
    text: 'EXPORT KEY: the loader, which has never heard of this module, encrypts the key for it alone and forgets the operation key.',
    commandLines: [['loader', 'key', 'export', requestFile, '--module', loader.chip, '--out', messageFile]],
    async run(world) {
      const request = world.read(requestFile)
      const done = await exportKey(world.party('loader'), await world.module(loader.chip), { request })
      world.write(messageFile, done.file)
      const { header, cryptogram } = done.message
      return [
        `${24 + cryptogram.length + 16} bytes, XCTR ${header.counter}, CAS ${encodeHex(done.message.certificate)}`,
      ]
    },
  }
}

function importStage(): Stage {
  return {
    name: 'import-key',
    module: terminal.chip,
    text: 'IMPORT KEY: the module checks the certificate before it decrypts, the signature before it stores, and answers a receipt.',
    commandLines: [['module', 'import-key', messageFile, '--module', terminal.chip, '--out', receiptFile]],
    async run(world) {
      const message = world.read(messageFile)
      const done = await importKey(world.party('terminal'), await world.module(terminal.chip), message)
      world.write(receiptFile, done.file)
      return [
        `check value ${encodeHex(done.receipt.checkValue)}, ACK ${encodeHex(done.receipt.acknowledgement)}`,
      ]
    },
  }
}

function receiptStage(): Stage {
  return {
    name: 'verify-receipt',
    module: loader.chip,
    text: 'The loader checks the receipt and closes its record.',
    commandLines: [['loader', 'key', 'verify-receipt', receiptFile, '--module', loader.chip]],
    async run(world) {
      const claim = await verifyReceipt(
        world.party('loader'),
        await world.module(loader.chip),
        world.read(receiptFile),
      )
      return [`${encodeHex(claim.request.serial)} holds the key ${encodeHex(claim.checkValue)}`]
    },
  }
}

function useStages(): Stage[] {
  return [
    booking(
      'credit',
      120,
      120,
      'A customer fuels: the program in the module begins the card and credits points under the key.',
    ),
    booking(
      'debit',
      50,
      70,
      'The customer pays with points: the module checks the record of the card and debits.',
    ),
  ]
}

function booking(kind: 'credit' | 'debit', points: number, balance: number, text: string): Stage {
  return {
    name: 'use-key',
    module: terminal.chip,
    text,
    commandLines: [
      [
        ...['terminal', kind, '--module', terminal.chip, '--card', cardFile, '--points', String(points)],
        ...(kind === 'credit' ? ['--new-card', cardNumber] : []),
      ],
    ],
    async run(world) {
      const record =
        kind === 'credit' ? blankRecord(decodeHex(cardNumber)) : parseCardFile(world.read(cardFile))
      const asked = { kind, record, points, place: fuelKeyPlace }
      const done = await book(await world.module(terminal.chip), asked)
      if (done.record.balance !== balance) throw new StateError(`expected a balance of ${balance} points`)
      world.write(cardFile, serializeCardFile(done.record))
      return [`${kind} of ${points} points, balance ${done.record.balance}, receipt ${done.receipt}`]
    },
  }
}

function reference(number: number): string {
  return `0x${number.toString(16).toUpperCase().padStart(8, '0')}`
}
