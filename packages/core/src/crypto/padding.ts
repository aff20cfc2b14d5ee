/** Padding method 2 of ISO/IEC 9797-1: 80, then zeros up to a multiple of 16 bytes. */
export function pad80(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 16 - (data.length % 16))
  out.set(data)
  out[data.length] = 0x80
  return out
}

/**
 * The data before the padding, copied; undefined when there is no right padding within the last block
 * of 16 bytes. The time taken does not depend on where the padding begins.
 */
export function unpad80(padded: Uint8Array): Uint8Array | undefined {
  if (padded.length === 0 || padded.length % 16 !== 0) return undefined
  let zerosSoFar = 1
  let end = 0
  let found = 0
  for (let i = padded.length - 1; i >= padded.length - 16; i--) {
    const marker = zerosSoFar & Number(padded[i] === 0x80)
    end |= -marker & i
    found |= marker
    zerosSoFar &= Number(padded[i] === 0)
  }
  return found === 1 ? new Uint8Array(padded.subarray(0, end)) : undefined
}
