import { decodeHex, encodeHex } from '@sealwright/core/bytes'
import { StateError } from '@sealwright/core/errors'
import { fingerprint } from '@sealwright/core/personalization'
import { parseCertificate } from '@sealwright/core/x509'
import { key, payment, session } from '@sealwright/roles/central'
import { certifyUnit } from '@sealwright/roles/manufacturer'
import { paymentOutcome, requestPayment } from '@sealwright/roles/terminal'
import { personalize, request } from '@sealwright/roles/unit'
import { fingerprintFile } from '../commands/certified-party.ts'
import { certificateFile, certificateOf, customerOf } from '../framework/index.ts'
import { type DemoChip, demoChips, manufacturerRootFile } from './factory.ts'
import type { Scene, Stage } from './stage.ts'

const customer = 'Example Bank'
const unitRequestFile = 'exchange/unit.request'
const unitFingerprintFile = 'exchange/unit.fingerprint'
const centralRequestFile = 'exchange/central.request'
const centralFingerprintFile = 'exchange/central.fingerprint'
export const unitCertificateFile = 'certs/unit.pem'
export const centralCertificateFile = 'certs/central.pem'
const withdrawal = { account: 'DE02120300000000202051', amount: 5000, currency: 'EUR' }

/** Second scene: modules get their operating keys where they are used; a cash machine pays on its central system's word alone. */
export const cashMachine: Scene = {
  name: 'cash-machine',
  title: 'The cash machine: personalized where it stands',
  stages: [
    unitStage(),
    certifyUnitStage(),
    centralStage(),
    personalizeStage(demoChips.cash),
    personalizeStage(demoChips.terminal),
    personalizeStage(demoChips.phone),
    sessionStage(demoChips.cash),
  ],
}

/** The operating certificate of a chip of the demo. */
export function operatingCertificateFile({ product }: DemoChip): string {
  return `certs/${product}-operating.pem`
}

function unitStage(): Stage {
  return {
    name: 'unit-request',
    text: 'The bank makes the signing key of its personalization unit and asks the manufacturer to certify it.',
    commandLines: [
      [
        ...['unit', 'request', '--customer', customer, '--out', unitRequestFile],
        ...['--fingerprint-out', unitFingerprintFile],
      ],
    ],
    async run(world) {
      const unit = world.party('unit')
      const made = await request(unit, { name: 'unit', customer: customerOf(customer, unit.crypto) })
      world.write(unitRequestFile, made.document)
      world.write(unitFingerprintFile, fingerprintFile(made.fingerprint))
      return [`fingerprint of the signing key ${short(made.fingerprint)}`]
    },
  }
}

function certifyUnitStage(): Stage {
  return {
    name: 'certify-unit',
    text: 'The manufacturer signs the unit: that is all that he has to do with this customer.',
    commandLines: [
      [
        ...['manufacturer', 'certify-unit', unitRequestFile, '--fingerprint-file', unitFingerprintFile],
        ...['--out', unitCertificateFile],
      ],
    ],
    async run(world) {
      const manufacturer = world.party('manufacturer')
      const certificate = await certifyUnit(manufacturer, {
        request: world.read(unitRequestFile),
        fingerprint: fingerprintOf(world.read(unitFingerprintFile)),
      })
      world.write(unitCertificateFile, certificateFile(certificate.encoded))
      return [
        `unit certificate ${encodeHex(certificate.serialNumber)} for ${short(fingerprint(certificate.publicPoint, manufacturer.crypto))}`,
      ]
    },
  }
}

function centralStage(): Stage {
  return {
    name: 'central-key',
    text: "The bank's central system makes its key and gives the unit the public half.",
    commandLines: [
      ['central', 'key', '--out', centralRequestFile, '--fingerprint-out', centralFingerprintFile],
    ],
    async run(world) {
      const made = await key(world.party('central'), { name: 'central system' })
      world.write(centralRequestFile, made.document)
      world.write(centralFingerprintFile, fingerprintFile(made.fingerprint))
      return [`fingerprint of its key ${short(made.fingerprint)}`]
    },
  }
}

function personalizeStage(chip: DemoChip): Stage {
  const out = operatingCertificateFile(chip)
  return {
    name: 'personalize',
    module: chip.chip,
    text: `The unit is plugged into the ${chip.product} module where it stands: it proves who it is, makes its own key, and takes its certificates.`,
    commandLines: [
      [
        ...['unit', 'personalize', '--module', chip.chip, '--serial', chip.serial],
        ...['--certificate', unitCertificateFile, '--root', manufacturerRootFile],
        ...['--central', centralRequestFile, '--central-fingerprint-file', centralFingerprintFile],
        ...['--out', out, '--central-out', centralCertificateFile],
      ],
    ],
    async run(world) {
      const done = await personalize(world.party('unit'), await world.module(chip.chip), {
        serial: decodeHex(chip.serial),
        unit: certificateOf(world.read(unitCertificateFile), unitCertificateFile),
        root: certificateOf(world.read(manufacturerRootFile), manufacturerRootFile),
        central: world.read(centralRequestFile),
        centralFingerprint: fingerprintOf(world.read(centralFingerprintFile)),
      })
      world.write(out, certificateFile(done.operating.encoded))
      world.write(centralCertificateFile, certificateFile(done.central.encoded))
      return [
        `operating certificate ${encodeHex(done.operating.certificate!.serialNumber)}, receipt checked, event ${done.number}`,
        `trusts one central system: ${short(done.centralFingerprint)}`,
      ]
    },
  }
}

function sessionStage({ chip, serial }: DemoChip): Stage {
  const { account, amount, currency } = withdrawal
  return {
    name: 'session',
    module: chip,
    text: 'Somebody wants money: the cash machine asks through its module, the central system grants, the machine pays.',
    commandLines: [
      [
        ...['central', 'session', '--module', chip, '--unit', unitCertificateFile, '--serial', serial],
        ...['--withdraw', String(amount), '--account', account, '--currency', currency],
      ],
    ],
    async run(world) {
      const central = world.party('central')
      const module = await world.module(chip)
      const unit = parseCertificate(certificateOf(world.read(unitCertificateFile), unitCertificateFile))
      const number = await requestPayment(module, withdrawal)
      const decided = await session(
        central,
        module,
        { unit: { point: unit.publicPoint, customer: unit.customer! }, serial: decodeHex(serial) },
        (open) => payment(open, (asked) => asked.amount <= 20_000),
      )
      const outcome = await paymentOutcome(module, number)
      if (!decided.paid || !outcome.pay || outcome.amount !== amount) {
        throw new StateError('the cash machine did not pay what was granted')
      }
      return [
        `module and central system have proven who they are; unit's key ${short(fingerprint(unit.publicPoint, central.crypto))}`,
        `the machine pays ${(outcome.amount / 100).toFixed(2)} ${currency} from ${account}`,
      ]
    },
  }
}

/** What stands in a fingerprint's file. */
function fingerprintOf(bytes: Uint8Array): Uint8Array {
  return decodeHex(new TextDecoder().decode(bytes).trim())
}

function short(digest: Uint8Array): string {
  return `${encodeHex(digest.subarray(0, 8))}…`
}
