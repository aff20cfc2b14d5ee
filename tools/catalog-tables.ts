import {
  type CommandRow,
  chipModes,
  commands,
  type InterfaceRow,
  interfaces,
  labels,
  personalizationStates,
  programInstructions,
  statusWords,
} from '@sealwright/core/catalog'
import { errorTable } from '@sealwright/core/errors'

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Every table that pages under docs/ may name in `<!-- generated:NAME -->`. */
export function catalogTables(): Record<string, Table> {
  return {
    commands: {
      head: ['command', 'INS', 'class', 'modes', 'state', 'channel', 'entry', 'what it does'],
      rows: Object.entries<CommandRow>(commands).map(([name, row]) => [
        name,
        code(row.ins),
        row.class === 'iso' ? '00, 80' : '80',
        row.modes.join(', '),
        row.states?.join(', ') ?? 'any',
        row.channel + (row.local === true ? ', local' : ''),
        code(row.entry),
        row.purpose,
      ]),
    },
    'program-instructions': {
      head: ['instruction', 'INS', 'what it does'],
      rows: Object.entries(programInstructions).map(([name, { ins, purpose }]) => [name, code(ins), purpose]),
    },
    'status-words': {
      head: ['SW', 'name', 'meaning', 'next step'],
      rows: Object.entries(statusWords).map(([name, row]) => [
        code(row.sw, 4),
        name,
        row.meaning,
        row.remedy,
      ]),
    },
    'chip-modes': {
      head: ['mode', 'code', 'next', 'meaning'],
      rows: Object.entries(chipModes).map(([name, row]) => [
        name,
        code(row.code),
        next(row.next),
        row.meaning,
      ]),
    },
    'personalization-states': {
      head: ['state', 'code', 'GlobalPlatform', 'next'],
      rows: Object.entries(personalizationStates).map(([name, row]) => [
        name,
        code(row.code),
        row.globalPlatform,
        next(row.next),
      ]),
    },
    interfaces: {
      head: ['interface', 'function', 'parameters', 'result', 'meaning', 'charge'],
      rows: Object.entries<InterfaceRow>(interfaces).flatMap(([name, row]) =>
        Object.entries(row.functions).map(([fn, f]) => [
          `${name} (${code(row.right)})`,
          fn,
          f.parameters.map((parameter) => parameter.name).join(', ') || '–',
          f.result ?? '–',
          f.meaning,
          `${f.charge.call} + ${f.charge.byte} a byte`,
        ]),
      ),
    },
    labels: {
      head: ['label', 'name', 'use'],
      rows: Object.entries(labels).map(([name, { text, use }]) => [text, name, use]),
    },
    errors: {
      head: ['code', 'culprit', 'exit', 'next step'],
      rows: Object.entries(errorTable).map(([name, row]) => [
        name,
        row.culprit,
        String(row.exit),
        row.remedy,
      ]),
    },
  }
}

function code(value: number, digits = 2): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}

function next(names: readonly string[]): string {
  return names.length === 0 ? '–' : names.join(', ')
}
