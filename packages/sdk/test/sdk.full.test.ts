import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ascii, concat, encodeHex, u16, u32 } from '@sealwright/core/bytes'
import { type InterfaceFunction, interfaces, statusWords } from '@sealwright/core/catalog'
import { portableCrypto as crypto } from '@sealwright/core/crypto'
import { scriptedEntropy } from '@sealwright/core/testing'
import { checkProgram, compileProgram, defaultLimits, ProgramSimulator } from '@sealwright/module/program'

// A process of its own: the compiler leaves binaryen set to optimize, and programs of other tests would change.

// Named by a variable: the declarations of the compiler would replace the global `console` of every file checked with this one.
const compiler = 'assemblyscript/asc'
const { main: asc } = (await import(compiler)) as {
  main(options: string[]): Promise<{ error: Error | null; stderr: { toString(): string } }>
}

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

/** Compiles AssemblyScript as a supplier does: with the SDK's configuration, from a folder of one's own. */
async function compile(source: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'sealwright-sdk-'))
  try {
    const entry = join(folder, 'index.ts')
    const target = join(folder, 'program.wasm')
    await writeFile(entry, source)
    const { error, stderr } = await asc([
      relative(root, entry),
      '--baseDir',
      root,
      '--path',
      'node_modules',
      '--config',
      'packages/sdk/asconfig.json',
      '--outFile',
      relative(root, target),
    ])
    assert.equal(error, null, stderr.toString())
    return new Uint8Array(await readFile(target))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const functions = Object.entries(interfaces).flatMap(([from, row]) =>
  Object.entries(row.functions as Record<string, InterfaceFunction>).map(([name, fn]) => ({
    from,
    name,
    fn,
  })),
)

test('[E7a] the SDK declares every function of every interface with its type, and no other', async () => {
  // In AssemblyScript two names differ from the interface's: io.input_length is io.length, chip.vector's last parameter is a number.
  const call = (from: string, name: string, fn: InterfaceFunction): string => {
    const own = name === 'input_length' ? 'length' : name
    const result = `${from}.${own}(${fn.parameters.map(() => '16').join(', ')})`
    return fn.result === undefined ? result : `store<${fn.result}>(0, <${fn.result}>${result})`
  }
  const imported = [...Object.keys(interfaces)].join(', ')
  const bytes = await compile(`import { ${imported} } from "@sealwright/sdk/assembly";
    export function process(): void { ${functions.map(({ from, name, fn }) => call(from, name, fn)).join('; ')} }`)
  const program = compileProgram(bytes)
  const expected = functions.map(({ from, name }) => `${from}.${name}`).sort()
  assert.deepEqual(program.imports.map(({ from, name }) => `${from}.${name}`).sort(), expected)

  const folder = join(root, 'packages/sdk/assembly')
  const declared: string[] = []
  for (const from of Object.keys(interfaces)) {
    const text = await readFile(join(folder, `${from}.ts`), 'utf8')
    for (const [, module, name] of text.matchAll(/@external\("(\w+)", "(\w+)"\)/g))
      declared.push(`${module}.${name}`)
  }
  assert.deepEqual(declared.sort(), expected)
})

test('the header for C declares the functions of every interface that can be granted, with as many parameters', async () => {
  const text = await readFile(join(root, 'packages/sdk/include/sealwright.h'), 'utf8')
  const declared = [...text.matchAll(/SEALWRIGHT_IMPORT\((\w+), (\w+)\)[^(]*?\w+\(([^)]*)\);/g)].map(
    ([, from, name, parameters]) =>
      `${from}.${name} ${parameters === 'void' ? 0 : parameters!.split(',').length}`,
  )
  const expected = functions
    .filter(({ from }) => from !== 'chip')
    .map(({ from, name, fn }) => `${from}.${name} ${fn.parameters.length}`)
  assert.deepEqual(declared.sort(), expected.sort())
})

test('status words of the SDK are those of the catalog', async () => {
  const text = await readFile(join(root, 'packages/sdk/assembly/status.ts'), 'utf8')
  const rows = [...text.matchAll(/const ([A-Z_]+): u32 = (0x[0-9a-f]{4});/g)]
  assert.ok(rows.length > 10)
  for (const [, name, value] of rows) {
    if (name === 'TRIES_LEFT') continue
    const row = (statusWords as Record<string, { sw: number }>)[name!.toLowerCase().replaceAll('_', '-')]
    assert.equal(row?.sw, Number(value), name)
  }
})

test("[E7a] a supplier's program, written with the SDK, is tested in the simulator", async () => {
  const bytes =
    await compile(`import { answer, data, input, io, sha256, status } from "@sealwright/sdk/assembly";
    const buffer = memory.data(256);
    const digest = memory.data(32);
    export function process(): void {
      input.begin();
      const length = input.remaining();
      input.take(buffer, length);
      sha256(buffer, length, digest);
      answer.add(digest, 32);
    }
    export function f1(): void {
      input.begin();
      const a = input.nextU8(), b = input.nextU16(), c = input.nextU32(), d = input.nextU64();
      input.end();
      answer.addU64(d); answer.addU32(c); answer.addU16(b); answer.addU8(a);
    }
    export function f2(): void {
      data.read(0, buffer, 1);
      store<u8>(buffer, load<u8>(buffer) + 1);
      data.write(0, buffer, 1);
      if (load<u8>(buffer) == 3) io.refuse(status.BLOCKED);
      answer.add(buffer, 1);
    }`)
  checkProgram(bytes, defaultLimits)
  const simulator = new ProgramSimulator({
    program: bytes,
    crypto,
    entropy: scriptedEntropy('sdk'),
    dataSize: 1,
  })
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 200]) {
    const data = scriptedEntropy(`${length}`).bytes(length)
    assert.equal(
      encodeHex(simulator.transmit(0, data).data),
      encodeHex(crypto.sha256(data)),
      `${length} bytes`,
    )
  }
  const numbers = concat(Uint8Array.of(1), u16(0x0203), u32(0x04050607), ascii('ABCDEFGH'))
  assert.deepEqual(
    simulator.transmit(0, numbers, 1).data,
    concat(ascii('ABCDEFGH'), u32(0x04050607), u16(0x0203), Uint8Array.of(1)),
  )
  assert.equal(simulator.transmit(0, numbers.subarray(1), 1).sw, 0x6a80)
  assert.equal(simulator.transmit(0, concat(numbers, Uint8Array.of(0)), 1).sw, 0x6a80)
  assert.deepEqual(simulator.transmit(0, undefined, 2).data, Uint8Array.of(1))
  assert.deepEqual(simulator.transmit(0, undefined, 2).data, Uint8Array.of(2))
  // A refused call is undone; so the third is refused again and again.
  assert.equal(simulator.transmit(0, undefined, 2).sw, 0x6983)
  assert.equal(simulator.transmit(0, undefined, 2).sw, 0x6983)
  assert.deepEqual(simulator.data, Uint8Array.of(2))
})
