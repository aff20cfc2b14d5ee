/**
 * `node tools/workspace-fixture.ts FILE`: makes a workspace with the commands of this release and packs it, for the release after this one
 * to open (docs/DESIGN.md, 2.2). It holds every format that a command writes.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packWorkspace } from '@sealwright/node/testing'
import { root } from './files.ts'

const [out] = process.argv.slice(2)
if (out === undefined) throw new Error('node tools/workspace-fixture.ts FILE')

const launcher = join(root, 'packages/cli/bin/sealwright.js')
const folder = mkdtempSync(join(tmpdir(), 'sealwright-fixture-'))
const work = join(folder, 'w')

function run(line: string, input = ''): void {
  const cwd = line.startsWith('demo') ? folder : work
  const { status, stderr } = spawnSync(process.execPath, [launcher, ...line.split(' ')], {
    cwd,
    input,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${line}\n${stderr}`)
}

try {
  run('demo --keep w')
  // A chip that was mounted and unlocked, and no more.
  run('issuer mask small --eeprom 32768 --out exchange/small.mask')
  run(
    'manufacturer produce exchange/small.mask chips/open.chip chips/blank.chip --delivery-note exchange/small.note',
  )
  run(
    'mounter mount --module chips/open.chip --serial 0000000000000005 --delivery-note exchange/small.note --print OPEN',
  )
  run('issuer unlock --module chips/open.chip --mask small')
  // A plain card, its key under a passphrase; a backup; a key on its way.
  run('module new --profile globalplatform --test --serial 0000000000000006 --out chips/card.chip')
  run('module protect chips/card.chip --new-passphrase -', 'open sesame\n')
  run('module backup chips/cash.chip --out exchange/cash.backup')
  run('loader set new --module chips/loader.chip --papers exchange/loader.papers --set 2')
  // A lot, up to its certificates.
  run('issuer lot new spring --mask small --count 2 --out exchange/spring.order')
  run(
    'manufacturer produce exchange/spring.order --count 2 --out chips/spring --delivery-note exchange/spring.note',
  )
  run(
    'mounter mount --chips chips/spring --delivery-note exchange/spring.note --first-serial 0000000000000010',
  )
  run(
    'issuer lot customize spring --chips chips/spring --product cash --manufacturer-root certs/manufacturer-root.pem --papers exchange/spring --requests exchange/spring.requests --jobs 1',
  )
  run('manufacturer certify-lot exchange/spring.requests --out exchange/spring.certificates')
  writeFileSync(out, packWorkspace(work))
} finally {
  rmSync(folder, { recursive: true })
}
