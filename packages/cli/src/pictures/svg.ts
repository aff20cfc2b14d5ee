/** Attributes in the order in which they are written; undefined ones are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element of SVG as text; `children` are elements. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(typeof value === 'number' ? rounded(value) : value!)}"`)
    .join('')
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`
}

/** A text at its baseline. */
export function text(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escaped(content))
}

/** What shows when the pointer rests on the element that holds it. */
export function title(content: string): string {
  return element('title', {}, escaped(content))
}

/** Characters that XML cannot hold become U+FFFD. */
function escaped(content: string): string {
  return content
    .replace(/[^\t\n\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

function rounded(value: number): string {
  return String(Math.round(value * 100) / 100)
}
