#!/usr/bin/env node
// Written in ES5 so that every Node can parse it: an old one must be able to say what it needs.
'use strict'

var childProcess = require('child_process')
var fs = require('fs')
var path = require('path')

var REQUIRED = '22.18'
var PINNED = 'SEALWRIGHT_PINNED_NODE'

if (runsTypeScript(process.versions.node)) {
  withoutTypeStrippingWarning()
  keepCompiled()
  require('../src/main.ts').runProcess()
} else {
  var node = process.env[PINNED] === undefined ? pinnedNode() : null
  if (node === null) {
    process.stderr.write(
      'sealwright: error: this is Node ' +
        process.versions.node +
        ', Sealwright needs Node ' +
        REQUIRED +
        ' or newer\n' +
        'sealwright: hint: run `npm ci` in the Sealwright folder, it brings a pinned Node, or install Node 24\n'
    )
    process.exit(1)
  }
  runOn(node)
}

/** Type stripping without a flag: 22.18 and later in line 22, 23.6 and later. */
function runsTypeScript(version) {
  var parts = version.split('.')
  var major = Number(parts[0])
  var minor = Number(parts[1])
  if (major === 22) return minor >= 18
  if (major === 23) return minor >= 6
  return major > 23
}

function pinnedNode() {
  var platform = process.platform === 'win32' ? 'win' : process.platform
  var file = process.platform === 'win32' ? 'node.exe' : 'node'
  var folder = fs.realpathSync(__dirname)
  for (;;) {
    var found = path.join(folder, 'node_modules', 'node-' + platform + '-' + process.arch, 'bin', file)
    if (fs.existsSync(found)) return found
    var parent = path.dirname(folder)
    if (parent === folder) return null
    folder = parent
  }
}

function runOn(node) {
  var env = {}
  for (var name in process.env) env[name] = process.env[name]
  env[PINNED] = node
  var child = childProcess.spawn(node, [__filename].concat(process.argv.slice(2)), {
    stdio: 'inherit',
    env: env,
  })
  // What this process is told, the one that does the work must hear: it may hold a module. It ends, and so does this one.
  var signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  signals.forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal)
    })
  })
  child.on('error', function (error) {
    process.stderr.write('sealwright: error: the pinned Node does not start: ' + error.message + '\n')
    process.exit(1)
  })
  child.on('exit', function (status, signal) {
    if (signal) {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    } else {
      process.exit(status)
    }
  })
}

/**
 * Node compiles hundreds of sources at every start; what it compiled is kept beside the dependencies, where nobody writes who could not write
 * the sources as well. Where it cannot be kept, nothing changes.
 */
function keepCompiled() {
  var enable = require('module').enableCompileCache
  if (typeof enable !== 'function') return
  var folder = fs.realpathSync(__dirname)
  for (;;) {
    var dependencies = path.join(folder, 'node_modules')
    if (fs.existsSync(dependencies)) {
      enable(path.join(dependencies, '.cache', 'sealwright', 'compiled'))
      return
    }
    var parent = path.dirname(folder)
    if (parent === folder) return
    folder = parent
  }
}

/** Node 22 warns that type stripping is experimental; every other warning stays. */
function withoutTypeStrippingWarning() {
  var emitWarning = process.emitWarning
  process.emitWarning = function (warning, options) {
    var type = typeof options === 'object' && options !== null ? options.type : options
    if (type === 'ExperimentalWarning' && /^Type Stripping /i.test(String(warning))) return
    return emitWarning.apply(process, arguments)
  }
}
