import { connect } from 'node:net'

// Run where the readers are: SOCKET PORT. Carries bytes between a Unix socket and vpcd's port, so that the card can be in another process.

const [socket = '', port = ''] = process.argv.slice(2)
const card = connect(socket)
const reader = connect({ host: '127.0.0.1', port: Number(port), noDelay: true })
for (const [one, other] of [
  [card, reader],
  [reader, card],
] as const) {
  one.on('error', () => {})
  one.on('data', (bytes) => other.write(bytes))
  one.on('close', () => other.destroy())
}
