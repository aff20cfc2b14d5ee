import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ascii, decodeBase64, encodeBase64 } from '../bytes/index.ts'
import { portableCrypto as crypto } from '../crypto/index.ts'
import {
  leafHash,
  MerkleTree,
  noteSigner,
  parseCheckpoint,
  serializeNoteKey,
  signCheckpoint,
  verifyConsistency,
} from './index.ts'

// golang.org/x/mod/sumdb/{note,tlog} comes with every Go installation, as part of the go command's own sources.
const go = spawnSync('go', ['env', 'GOROOT', 'GOVERSION'], { encoding: 'utf8' })
const [root = '', version = ''] = go.status === 0 ? go.stdout.split('\n') : []
const sources = join(root, 'src/cmd/vendor/golang.org/x/mod/sumdb')

const program = `package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"tlogtest/note"
	"tlogtest/tlog"
)

type input struct {
	Key, Note, OldNote string
	Leaves             []string
	Index              int64
	Record, Tree       []string
}

func fatal(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func hashes(list []string) []tlog.Hash {
	out := make([]tlog.Hash, len(list))
	for i, text := range list {
		raw, err := base64.StdEncoding.DecodeString(text)
		fatal(err)
		copy(out[i][:], raw)
	}
	return out
}

func open(text, key string) (int64, tlog.Hash) {
	verifier, err := note.NewVerifier(key)
	fatal(err)
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	fatal(err)
	lines := strings.Split(opened.Text, "\\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	fatal(err)
	return size, hashes(lines[2:3])[0]
}

func main() {
	var in input
	fatal(json.NewDecoder(os.Stdin).Decode(&in))
	size, root := open(in.Note, in.Key)
	oldSize, oldRoot := open(in.OldNote, in.Key)
	leaf, err := base64.StdEncoding.DecodeString(in.Leaves[in.Index])
	fatal(err)
	fatal(tlog.CheckRecord(tlog.RecordProof(hashes(in.Record)), size, root, in.Index, tlog.RecordHash(leaf)))
	fatal(tlog.CheckTree(tlog.TreeProof(hashes(in.Tree)), size, root, oldSize, oldRoot))
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(places []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(places))
		for i, place := range places {
			out[i] = stored[place]
		}
		return out, nil
	})
	for i, text := range in.Leaves {
		data, err := base64.StdEncoding.DecodeString(text)
		fatal(err)
		more, err := tlog.StoredHashes(int64(i), data, reader)
		fatal(err)
		stored = append(stored, more...)
	}
	own, err := tlog.TreeHash(size, reader)
	fatal(err)
	if own != root {
		fmt.Println("another root")
		os.Exit(1)
	}
	proof, err := tlog.ProveTree(size, oldSize, reader)
	fatal(err)
	json.NewEncoder(os.Stdout).Encode(proof)
}
`

if (existsSync(join(sources, 'tlog'))) {
  const folder = mkdtempSync(join(tmpdir(), 'sealwright-tlog-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('[E4c] the note and tlog packages of Go check our checkpoints and proofs, and we theirs', () => {
    for (const name of ['note', 'tlog']) {
      mkdirSync(join(folder, name))
      cpSync(join(sources, name), join(folder, name), { recursive: true })
    }
    writeFileSync(join(folder, 'go.mod'), `module tlogtest\n\ngo ${/1\.\d+/.exec(version)}\n`)
    writeFileSync(join(folder, 'main.go'), program)
    const env = { ...process.env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' }
    const built = spawnSync('go', ['build', '-o', 'check', '.'], { cwd: folder, encoding: 'utf8', env })
    assert.equal(built.status, 0, built.stderr)

    const log = noteSigner('log.example/sealwright', new Uint8Array(32).fill(1), crypto)
    const leaves = Array.from({ length: 13 }, (_, i) => ascii(`entry ${i}`))
    const tree = new MerkleTree(
      crypto,
      leaves.map((leaf) => leafHash(leaf, crypto)),
    )
    const checkpoint = (size: number) => signCheckpoint({ size, root: tree.root(size) }, log, crypto)
    const base64 = (list: readonly Uint8Array[]) => list.map(encodeBase64)
    const ask = (changes: object) => {
      const input = {
        key: serializeNoteKey({ ...log, algorithm: 'ed25519' }, crypto),
        note: checkpoint(13),
        oldNote: checkpoint(6),
        leaves: base64(leaves),
        index: 7,
        record: base64(tree.inclusionProof(7)),
        tree: base64(tree.consistencyProof(6)),
        ...changes,
      }
      return spawnSync(join(folder, 'check'), { input: JSON.stringify(input), encoding: 'utf8' })
    }
    const good = ask({})
    assert.equal(good.status, 0, good.stdout)
    const proof = (JSON.parse(good.stdout) as string[]).map(decodeBase64)
    const claim = {
      oldSize: 6,
      oldRoot: tree.root(6),
      size: 13,
      root: parseCheckpoint(checkpoint(13)).root,
      proof,
    }
    assert.ok(verifyConsistency(claim, crypto))
    for (const changes of [
      { note: checkpoint(12) },
      { oldNote: checkpoint(5) },
      { index: 6 },
      { note: checkpoint(13).replace('\n13\n', '\n14\n') },
      { record: base64(tree.inclusionProof(8)) },
    ]) {
      assert.equal(ask(changes).status, 1, JSON.stringify(Object.keys(changes)))
    }
  })
} else if (process.env['CI']) {
  test('Go is installed', () => assert.fail('the command go is missing'))
} else {
  process.stderr.write('log: the command go is missing, checkpoints were not checked with its packages\n')
}
