/**
 * A text broken at blanks into lines of at most `width` characters; a longer word stands alone.
 * @param hanging how many blanks the lines after the first begin with; they count
 */
export function wrapped(text: string, width: number, hanging = 0): string[] {
  if (text.length <= width) return [text]
  const lines: string[] = []
  const indent = /^ */.exec(text)![0]
  let line = ''
  for (const word of text.slice(indent.length).split(' ')) {
    const before = lines.length === 0 ? indent : ' '.repeat(hanging)
    if (line !== '' && before.length + line.length + 1 + word.length > width) {
      lines.push(before + line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, (lines.length === 0 ? indent : ' '.repeat(hanging)) + line]
}

/** `12,345`. */
export function amount(value: number): string {
  return value.toLocaleString('en-US')
}

/** An address of six hex digits. */
export function hex(address: number): string {
  return address.toString(16).toUpperCase().padStart(6, '0')
}

/** A byte in hex: `3F`. */
export function hexByte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0')
}
