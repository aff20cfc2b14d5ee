import { keyPlaces, keyVersions, productDataIds } from '@sealwright/core/catalog'
import { withHandle } from '@sealwright/core/crypto'
import {
  type Profile,
  parseKeyReceipt,
  serializeKeyPlace,
  serializeLoaderKeyEntry,
  serializeSetEntry,
  unitSignatureKey,
  unitTransportKey,
} from '@sealwright/core/key-download'
import type { Crypto } from '@sealwright/core/ports'
import { setPlaces } from '@sealwright/module/key-download'
import { customizedModule, type Fixture } from '@sealwright/module/testing'
import { nodeEntropy } from '@sealwright/node/crypto'
import { inProcess } from '@sealwright/node/transport'
import { type Channel, openScp03, plain } from '@sealwright/roles/channel'
import type { Flow } from './measure.ts'

const suite = 0xa101
const set = 1
const source = 0x0001_0a01
const destination = 0x0020_0101
const [transportKey, signatureKey, applicationKey] = [0x11, 0x22, 0x33].map((byte) =>
  new Uint8Array(16).fill(byte),
) as [Uint8Array, Uint8Array, Uint8Array]

/** EXPORT KEY at a loader in its channel, IMPORT KEY at a module with its commit. PREPARE comes before, not measured. */
export function keyDownload(profile: Profile): Flow<Uint8Array> {
  return {
    name: `key download, ${profile}`,
    text: 'EXPORT KEY in its SCP03 channel, both ends, and IMPORT KEY with its commit',
    operations: 200,
    async setUp(crypto) {
      const module = operatingModule(crypto, profile)
      const terminal = plain(inProcess(module.module))
      const loader = await openLoader(crypto, loaderModule(crypto, profile))
      return {
        before: () => terminal.send('PREPARE', { data: placeBytes }),
        async run(request) {
          const message = await loader.send('EXPORT KEY', { data: request })
          parseKeyReceipt(await terminal.send('IMPORT KEY', { p1: suite & 0xff, data: message }))
        },
      }
    },
  }
}

const placeBytes = Uint8Array.of(0x00, 0x20, 0x01, 0x01)

function operatingModule(crypto: Crypto, profile: Profile): Fixture {
  const serial = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  return customizedModule({
    crypto,
    serial,
    prepare({ tx, objects, keys }) {
      objects.put(tx, 'control', 1, Uint8Array.of(0x0f))
      objects.put(tx, 'product-data', productDataIds.suites, Uint8Array.of(suite >> 8, suite & 0xff))
      const place = { kind: 'application', usage: 'M6', source } as const
      objects.put(tx, 'key-place', destination, serializeKeyPlace(place))
      withHandle(crypto.aes(transportKey), (key) =>
        keys.putAes(
          tx,
          keyPlaces.transport,
          profile === 'shared' ? transportKey : unitTransportKey(key, serial),
        ),
      )
      withHandle(crypto.aes(signatureKey), (key) =>
        keys.putAes(tx, keyPlaces.signature, unitSignatureKey(key, serial)),
      )
    },
  })
}

function loaderModule(crypto: Crypto, profile: Profile): Fixture {
  const check = new Uint8Array(5)
  return customizedModule({
    crypto,
    serial: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9),
    seed: 'loader',
    prepare({ tx, objects, keys }) {
      const { transport, signature } = setPlaces(set)
      keys.putAes(tx, transport, transportKey)
      keys.putAes(tx, signature, signatureKey)
      keys.putAes(tx, source, applicationKey)
      objects.put(
        tx,
        'key-set',
        set,
        serializeSetEntry({
          set,
          generation: 'present',
          profile,
          suite,
          transportCheck: check,
          signatureCheck: check,
        }),
      )
      objects.put(
        tx,
        'loader-key',
        source,
        serializeLoaderKeyEntry({
          source,
          set,
          diversified: false,
          exportsLeft: undefined,
          attributes: {
            usage: 'M6',
            algorithm: 'A',
            mode: 'C',
            version: 1,
            exportability: 'N',
            keyLength: 16,
          },
          checkValue: check,
          modules: { rule: 'all-but', serials: [] },
        }),
      )
    },
  })
}

function openLoader(crypto: Crypto, { module, documentKeys }: Fixture): Promise<Channel> {
  const { enc, mac, dek } = documentKeys
  return openScp03(inProcess(module), {
    crypto,
    entropy: nodeEntropy,
    keys: { enc: crypto.aes(enc), mac: crypto.aes(mac), dek: crypto.aes(dek) },
    keyVersion: keyVersions.document,
  })
}
