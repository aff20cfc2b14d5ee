import { suite, test } from 'node:test'
import { cuts, flips, mustFail, setUpOf } from './channel-bent.ts'
import { securedForms } from './channel-world.ts'

suite('every byte of every message of a set-up', () => {
  for (const form of securedForms) {
    test(`[B5a][C7f] ${form}: changed, no channel comes of it`, async () => {
      const setUp = await setUpOf(form)
      for (const bent of flips(setUp, 0x01, 1)) await mustFail(setUp, bent)
      for (const bent of flips(setUp, 0x40, 3)) await mustFail(setUp, bent)
    })

    test(`[B5a] ${form}: left out from the end, or one more, no channel comes of it`, async () => {
      const setUp = await setUpOf(form)
      for (const bent of cuts(setUp, 1)) await mustFail(setUp, bent)
    })
  }
})
