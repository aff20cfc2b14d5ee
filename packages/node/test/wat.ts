import binaryen from 'assemblyscript/binaryen'

/** A program written as text. */
export function wat(text: string): Uint8Array {
  const module = binaryen.parseText(text)
  try {
    module.setFeatures(binaryen.Features.All)
    return module.emitBinary()
  } finally {
    module.dispose()
  }
}
