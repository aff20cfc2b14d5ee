import type { CommandName } from '@sealwright/core/catalog'
import type { Handler } from '../parts.ts'
import { chipStatus } from './chip-status.ts'
import { externalAuthenticate } from './external-authenticate.ts'
import { getData } from './get-data.ts'
import { getEvents } from './get-events.ts'
import { initializeUpdate } from './initialize-update.ts'
import { internalAuthenticate } from './internal-authenticate.ts'
import { passportHead } from './passport-head.ts'
import { select } from './select.ts'
import { selfTest } from './self-test.ts'
import { writeSerial } from './write-serial.ts'

/** The ROM's native entries: one handler a command. */
export const handlers: Partial<Record<CommandName, Handler>> = {
  SELECT: select,
  'INITIALIZE UPDATE': initializeUpdate,
  'EXTERNAL AUTHENTICATE': externalAuthenticate,
  'INTERNAL AUTHENTICATE': internalAuthenticate,
  'GET DATA': getData,
  'CHIP STATUS': chipStatus,
  'SELF TEST': selfTest,
  'WRITE SERIAL': writeSerial,
  'PASSPORT HEAD': passportHead,
  'GET EVENTS': getEvents,
}
