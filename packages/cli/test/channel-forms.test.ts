import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type ChannelForm, channelForms } from '@sealwright/core/catalog'
import { main } from '../src/main.ts'
import { commandLine, commandLineJson, type JsonObject } from './run.ts'

const serials = { open: '0000000000000001', strict: '0000000000000002' }
let folder: string

async function done(...args: string[]): Promise<void> {
  const ran = await commandLine(folder, args)
  assert.equal(ran.status, 0, `${args.join(' ')}\n${ran.stderr}`)
}

/** A chip in user mode whose product has this least channel. */
async function chip(name: keyof typeof serials, ...least: string[]): Promise<void> {
  const file = `${name}.chip`
  await done('manufacturer', 'produce', 'fleet.mask', file, '--delivery-note', 'fleet.note')
  await done('mounter', 'mount', '--module', file, '--serial', serials[name], '--delivery-note', 'fleet.note')
  await done('issuer', 'unlock', '--module', file, '--mask', 'fleet')
  await done(
    ...['issuer', 'customize', '--module', file, '--mask', 'fleet', '--product', 'cash', ...least],
    ...['--manufacturer-root', 'root.pem', '--papers', `${name}.papers`, '--request', `${name}.request`],
  )
  await done('manufacturer', 'certify-module', `${name}.request`, '--out', `${name}.pem`)
  await done(
    ...['issuer', 'finish', '--module', file, '--mask', 'fleet', '--certificate', `${name}.pem`],
    '--irreversible',
  )
}

function personalizing(name: keyof typeof serials, ...more: string[]): string[] {
  return [
    ...['unit', 'personalize', '--serial', serials[name], '--root', 'root.pem', '--certificate', 'unit.pem'],
    ...['--central', 'central.request', '--central-fingerprint-file', 'central.print', ...more],
  ]
}

const copies: string[] = []

/** Everybody's folders and chips as they were before anybody personalized one. */
function fresh(): string {
  const copy = mkdtempSync(join(tmpdir(), 'sealwright-forms-copy-'))
  copies.push(copy)
  cpSync(folder, copy, { recursive: true })
  return copy
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealwright-forms-'))
  await done('init', '.')
  await done('issuer', 'mask', 'fleet', '--out', 'fleet.mask', '--eeprom', '65536')
  await done('manufacturer', 'init-root', '--out', 'root.pem')
  await chip('open', '--insecure-least-channel', 'none')
  await chip('strict', '--least-channel', 'mutual')
  const request = ['unit', 'request', '--customer', 'Example Bank', '--out', 'unit.request']
  await done(...request, '--fingerprint-out', 'unit.print')
  const certify = ['manufacturer', 'certify-unit', 'unit.request', '--fingerprint-file', 'unit.print']
  await done(...certify, '--out', 'unit.pem')
  await done('central', 'key', '--out', 'central.request', '--fingerprint-out', 'central.print')
})

after(() => {
  for (const one of [folder, ...copies]) rmSync(one, { recursive: true, force: true })
})

suite('unit personalize --channel', () => {
  for (const form of Object.keys(channelForms) as ChannelForm[]) {
    test(`[B5a] ${form}: personalizes, and says what it was`, async () => {
      const at = fresh()
      const papers = form === 'document-key' ? ['--papers', 'open.papers'] : []
      const weak = form === 'none' || form === 'ephemeral' ? ['--insecure-least-channel', 'none'] : []
      const args = personalizing('open', '--module', 'open.chip', '--channel', form, ...papers, ...weak)
      const { status, json, stderr } = await commandLineJson(at, args)
      assert.equal(status, 0, stderr)
      assert.equal(json['channel'], form)
      assert.equal(json['state'], 'operating')
      assert.equal(/does not stop someone in the middle/.test(stderr), form === 'ephemeral')
    })
  }

  test('[B5b] what is weaker than the unit’s policy needs a flag that says so', async () => {
    const module = 'open.chip'
    for (const form of ['none', 'ephemeral']) {
      const args = personalizing('open', '--module', module, '--channel', form)
      const { status, json } = await commandLineJson(folder, args)
      assert.deepEqual([status, json['error'].code], [2, 'channel-below-policy'])
      assert.match(json['error'].remedy, /--insecure-least-channel/)
    }
    const higher = personalizing('open', '--module', module, '--least-channel', 'mutual')
    assert.equal((await commandLineJson(folder, higher)).json['error'].code, 'channel-below-policy')
    const both = [...higher, '--insecure-least-channel', 'none']
    assert.equal((await commandLineJson(folder, both)).json['error'].code, 'usage')
    const weak = personalizing('open', '--module', module, '--least-channel', 'none')
    assert.equal((await commandLineJson(folder, weak)).status, 2, 'not among the choices')
  })

  test('[B5c] what is weaker than the product’s policy no flag of the unit allows', async () => {
    const [module, at] = ['strict.chip', fresh()]
    for (const more of [[], ['--channel', 'ephemeral', '--insecure-least-channel', 'none']]) {
      const { status, json } = await commandLineJson(at, personalizing('strict', '--module', module, ...more))
      assert.deepEqual([status, json['error'].code], [2, 'channel-below-policy'])
      assert.equal(json['error'].details.holder, "the module's product")
    }
    const { status, json } = await commandLineJson(
      at,
      personalizing('strict', '--module', module, '--channel', 'signed-key'),
    )
    assert.deepEqual([status, json['channel']], [0, 'signed-key'])
  })

  test('[B5d] behind a TCP port nothing goes without a channel: the unit refuses, and the module for itself', async () => {
    const at = fresh()
    const running = served(at, 'open.chip')
    const address = `tcp:${await running.where}`
    try {
      const args = ['--channel', 'none', '--insecure-least-channel', 'none', '--module', address]
      const { status, json } = await commandLineJson(at, personalizing('open', ...args))
      assert.deepEqual([status, json['error'].code], [2, 'line-not-direct'])
      const begin = `804A000024${'00'.repeat(36)}00`
      const said = await commandLine(at, ['module', 'apdu', begin, '--module', address])
      assert.match(said.stdout, /6982/)
      const last = personalizing('open', '--module', address, '--channel', 'dh-signed')
      assert.equal((await commandLineJson(at, last)).status, 0)
    } finally {
      running.stop()
    }
    assert.equal(await running.ended, 0)
  })
})

/** `module run --tcp` in this process. */
function served(cwd: string, chip: string) {
  let stop = (): void => {}
  let listens = (_: string): void => {}
  const where = new Promise<string>((resolve) => {
    listens = resolve
  })
  const ended = main(['module', 'run', chip, '--tcp', '127.0.0.1:0', '--json'], {
    cwd,
    print(line) {
      const event = JSON.parse(line) as JsonObject
      if (event['event'] === 'listening') listens(event['where'] as string)
    },
    say: () => {},
    readInput: () => new Uint8Array(0),
    readDescriptor: () => new Uint8Array(0),
    onStop(wanted) {
      stop = wanted
      return () => {}
    },
  })
  return { where, ended, stop: () => stop() }
}
