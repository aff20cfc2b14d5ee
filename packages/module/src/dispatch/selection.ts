/** A selected application: the number of a resource (1 to 255), or of an entry of the registry behind them. */
const registryBase = 0x100

export function applicationSelection(entry: number): number {
  return registryBase + entry
}

/** The registry's number of a selection, or undefined for a resource. */
export function registryNumber(selection: number): number | undefined {
  return selection >= registryBase ? selection - registryBase : undefined
}
