import { createInterface } from 'node:readline'
import { encodeHex } from '@sealwright/core/bytes'
import { SealwrightError } from '@sealwright/core/errors'
import { fingerprint } from '@sealwright/core/personalization'
import { parseCertificate } from '@sealwright/core/x509'
import { session } from '@sealwright/roles/central'
import { requestPayment } from '@sealwright/roles/terminal'
import { fileStore } from '../src/store/index.ts'
import { personalizationWorld, personalized, transportOf } from './personalization-world.ts'

// A central system that has a session open, its store in the folder that is named: one message for each line on standard input.

const world = await personalizationWorld()
await personalized(world)
await requestPayment(transportOf(world), { account: 'DE02', amount: 1, currency: 'EUR' })
const { publicPoint } = parseCertificate(world.unitCertificate)
const central = { ...world.central, store: fileStore(process.argv[2]!) }
await session(central, transportOf(world), { unit: { point: publicPoint } }, async ({ channel }) => {
  console.log(JSON.stringify({ unit: encodeHex(fingerprint(publicPoint, world.crypto)) }))
  for await (const _ of createInterface({ input: process.stdin })) {
    try {
      const { sw } = await channel.exchange('FETCH PAYMENT')
      console.log(sw.toString(16))
    } catch (error) {
      console.log(error instanceof SealwrightError ? error.code : String(error))
    }
  }
})
