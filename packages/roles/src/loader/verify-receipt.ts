import { encodeHex } from '@sealwright/core/bytes'
import { AuthError, RefusedError } from '@sealwright/core/errors'
import { parseKeyReceiptFile, type ReceiptClaim, serializeReceiptClaim } from '@sealwright/core/key-download'
import type { Transport } from '@sealwright/core/ports'
import { endChannel, plain } from '../channel/index.ts'
import { inDocumentChannel, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'

/**
 * Has the loader card check a module's receipt: that this module took this key in this download. Kept when it holds, AuthError when not.
 * It convinces the loader that made the message, and nobody else.
 */
export async function verifyReceipt(
  ports: PartyPorts,
  transport: Transport,
  receipt: Uint8Array,
): Promise<ReceiptClaim> {
  const claim = parseKeyReceiptFile(receipt)
  await endChannel(transport)
  const { serial } = await readHead(plain(transport))
  try {
    await inDocumentChannel(ports, transport, serial, (loader) =>
      loader.send('VERIFY RECEIPT', { data: serializeReceiptClaim(claim) }),
    )
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'module-check-failed')
      throw new AuthError({ cause: error })
    throw error
  }
  const name = `receipts/${encodeHex(serial).toLowerCase()}-${String(claim.counter).padStart(8, '0')}`
  await ports.store.write(name, receipt)
  return claim
}
