import { u32 } from '@sealwright/core/bytes'
import { RefusedError, StateError, UsageError } from '@sealwright/core/errors'
import type { LoaderKeyOrder } from '@sealwright/core/key-download'
import { blankRecord, parseCardFile, serializeCardFile } from '@sealwright/core/loyalty'
import { plain } from '@sealwright/roles/channel'
import { keepPapers } from '@sealwright/roles/custody'
import { fuelKeyPlace, fuelKeySource } from '@sealwright/roles/issuer'
import {
  exportKey,
  installTransportKey,
  list,
  makeKey,
  makeSet,
  verifyReceipt,
} from '@sealwright/roles/loader'
import { book, importKey, prepareKey } from '@sealwright/roles/terminal'
import type { Stage } from './stage.ts'

const set = 1

const order: LoaderKeyOrder = {
  source: fuelKeySource,
  set,
  diversified: false,
  exportsLeft: 5,
  attributes: { usage: 'M6', algorithm: 'A', mode: 'C', version: 1, exportability: 'N', keyLength: 16 },
  modules: { rule: 'all-but', serials: [] },
}

/** A set, a key, and that key at work in the terminal. */
export const keyDownloadStages: readonly Stage[] = [
  {
    name: 'set new',
    chip: 'loader',
    async run(life) {
      const loader = await life.party('loader')
      await keepPapers(loader, life.file('loader.papers'))
      try {
        await makeSet(loader, life.module('loader'), { set, profile: 'shared' })
      } catch (error) {
        // Done before: a set is not made twice.
        if (!(error instanceof UsageError)) throw error
      }
    },
    async check(life) {
      const { sets } = await list(await life.party('loader'), life.module('loader'))
      if (sets.length !== 1) throw new StateError('no set')
    },
  },
  {
    name: 'key new',
    chip: 'loader',
    async run(life) {
      try {
        await makeKey(await life.party('loader'), life.module('loader'), order)
      } catch (error) {
        // Done before: neither is a key.
        if (!(error instanceof RefusedError) || error.code !== 'module-already-there') throw error
      }
    },
    async check(life) {
      const { keys } = await list(await life.party('loader'), life.module('loader'))
      if (keys.length !== 1) throw new StateError('no key')
    },
  },
  {
    name: 'install-t',
    chip: 'terminal',
    async run(life) {
      const loader = await life.party('loader')
      await keepPapers(loader, life.file('terminal.papers'))
      await installTransportKey(loader, life.module('terminal'), { set })
    },
  },
  {
    name: 'prepare',
    chip: 'terminal',
    async run(life) {
      const { file } = await prepareKey(life.module('terminal'), { place: fuelKeyPlace, held: true })
      life.exchange.set('key.request', file)
    },
  },
  {
    name: 'export-key',
    chip: 'loader',
    async run(life) {
      const loader = await life.party('loader')
      const { file } = await exportKey(loader, life.module('loader'), { request: life.file('key.request') })
      life.exchange.set('key.message', file)
    },
  },
  {
    name: 'import-key',
    chip: 'terminal',
    restarts: true,
    async run(life) {
      const terminal = await life.party('terminal')
      const done = await importKey(terminal, life.module('terminal'), life.file('key.message'))
      life.exchange.set('key.receipt', done.file)
    },
    async check(life) {
      // The receipt is kept with the key; without one it is refused.
      await plain(life.module('terminal')).send('GET RECEIPT', { data: u32(fuelKeyPlace) })
    },
  },
  {
    name: 'verify-receipt',
    chip: 'loader',
    faults: false,
    async run(life) {
      await verifyReceipt(await life.party('loader'), life.module('loader'), life.file('key.receipt'))
    },
  },
  {
    name: 'use-key',
    chip: 'terminal',
    async run(life) {
      const known = life.exchange.get('card')
      let card = known === undefined ? blankRecord(new Uint8Array(8).fill(9)) : parseCardFile(known)
      const step = async (kind: 'credit' | 'debit', points: number): Promise<void> => {
        const booked = await book(life.module('terminal'), {
          kind,
          record: card,
          points,
          place: fuelKeyPlace,
        })
        card = booked.record
        life.exchange.set('card', serializeCardFile(card))
      }
      if (card.balance < 50) await step('credit', 50)
      await step('debit', 20)
    },
  },
]
