import type { CommandName } from '@sealwright/core/catalog'
import type { Handler } from '../parts.ts'
import { administer } from './administer.ts'
import { begin } from './begin.ts'
import { beginSession } from './begin-session.ts'
import { chipStatus } from './chip-status.ts'
import { complete } from './complete.ts'
import { customize } from './customize.ts'
import { deleteHandler } from './delete.ts'
import { depersonalizeHandler } from './depersonalize.ts'
import { exportKey } from './export-key.ts'
import { externalAuthenticate } from './external-authenticate.ts'
import { fetchPayment } from './fetch-payment.ts'
import { finish } from './finish.ts'
import { generalAuthenticate } from './general-authenticate.ts'
import { generateKey } from './generate-key.ts'
import { getData } from './get-data.ts'
import { getEvents } from './get-events.ts'
import { getReceipt } from './get-receipt.ts'
import { getStatus } from './get-status.ts'
import { grantPayment } from './grant-payment.ts'
import { importKey } from './import-key.ts'
import { initializeUpdate } from './initialize-update.ts'
import { install } from './install.ts'
import { internalAuthenticate } from './internal-authenticate.ts'
import { issueCertificateHandler } from './issue-certificate.ts'
import { listKeys } from './list-keys.ts'
import { load } from './load.ts'
import { loadBlock } from './load-block.ts'
import { loadManifest } from './load-manifest.ts'
import { loadSwitch } from './load-switch.ts'
import { makeIdentity } from './make-identity.ts'
import { makeKey } from './make-key.ts'
import { makeMasterKey } from './make-master-key.ts'
import { makeSet } from './make-set.ts'
import { makeUnitKey } from './make-unit-key.ts'
import { messageCode } from './message-code.ts'
import { operate } from './operate.ts'
import { orderCertificate } from './order-certificate.ts'
import { passportHead } from './passport-head.ts'
import { paymentOutcome } from './payment-outcome.ts'
import { performSecurityOperation } from './perform-security-operation.ts'
import { prepare } from './prepare.ts'
import { presentObject } from './present-object.ts'
import { proveCredentialHandler } from './prove-credential.ts'
import { putCustomizationKeyHandler } from './put-customization-key.ts'
import { putKey } from './put-key.ts'
import { putLimitedKeyHandler } from './put-limited-key.ts'
import { putTransportKey } from './put-transport-key.ts'
import { readLog } from './read-log.ts'
import { requestPayment } from './request-payment.ts'
import { sealCustomizationKeyHandler } from './seal-customization-key.ts'
import { select } from './select.ts'
import { selfTest } from './self-test.ts'
import { sessionKeys } from './session-keys.ts'
import { setStatus } from './set-status.ts'
import { storeData } from './store-data.ts'
import { storeIdentity } from './store-identity.ts'
import { storeUnitCertificate } from './store-unit-certificate.ts'
import { takeTransfer } from './take-transfer.ts'
import { tellTime } from './tell-time.ts'
import { unlock } from './unlock.ts'
import { verifyReceiptHandler } from './verify-receipt.ts'
import { writeSerial } from './write-serial.ts'

/** The ROM's native entries: one handler a command. */
export const handlers = {
  SELECT: select,
  'INITIALIZE UPDATE': initializeUpdate,
  'EXTERNAL AUTHENTICATE': externalAuthenticate,
  'INTERNAL AUTHENTICATE': internalAuthenticate,
  'GENERAL AUTHENTICATE': generalAuthenticate,
  'GET DATA': getData,
  BEGIN: begin,
  COMPLETE: complete,
  'PROVE CREDENTIAL': proveCredentialHandler,
  DEPERSONALIZE: depersonalizeHandler,
  'TAKE TRANSFER': takeTransfer,
  'PRESENT OBJECT': presentObject,
  'CHIP STATUS': chipStatus,
  'SELF TEST': selfTest,
  'WRITE SERIAL': writeSerial,
  UNLOCK: unlock,
  FINISH: finish,
  'MAKE IDENTITY': makeIdentity,
  'STORE IDENTITY': storeIdentity,
  'PUT CUSTOMIZATION KEY': putCustomizationKeyHandler,
  CUSTOMIZE: customize,
  'MAKE MASTER KEY': makeMasterKey,
  'SEAL CUSTOMIZATION KEY': sealCustomizationKeyHandler,
  'BEGIN SESSION': beginSession,
  'SESSION KEYS': sessionKeys,
  OPERATE: operate,
  'LOAD MANIFEST': loadManifest,
  'LOAD BLOCK': loadBlock,
  'LOAD SWITCH': loadSwitch,
  'PASSPORT HEAD': passportHead,
  'EXPORT KEY': exportKey,
  'IMPORT KEY': importKey,
  'GET RECEIPT': getReceipt,
  'VERIFY RECEIPT': verifyReceiptHandler,
  'PUT TRANSPORT KEY': putTransportKey,
  'MAKE SET': makeSet,
  'MAKE KEY': makeKey,
  'LIST KEYS': listKeys,
  PREPARE: prepare,
  'GET EVENTS': getEvents,
  'REQUEST PAYMENT': requestPayment,
  'FETCH PAYMENT': fetchPayment,
  'GRANT PAYMENT': grantPayment,
  'PAYMENT OUTCOME': paymentOutcome,
  'PUT LIMITED KEY': putLimitedKeyHandler,
  'TELL TIME': tellTime,
  'MESSAGE CODE': messageCode,
  'PERFORM SECURITY OPERATION': performSecurityOperation,
  'PUT KEY': putKey,
  'GENERATE KEY': generateKey,
  'STORE DATA': storeData,
  'GET STATUS': getStatus,
  'SET STATUS': setStatus,
  INSTALL: install,
  LOAD: load,
  DELETE: deleteHandler,
  'MAKE UNIT KEY': makeUnitKey,
  'STORE UNIT CERTIFICATE': storeUnitCertificate,
  ADMINISTER: administer,
  'ORDER CERTIFICATE': orderCertificate,
  'ISSUE CERTIFICATE': issueCertificateHandler,
  'READ LOG': readLog,
} as const satisfies Record<CommandName, Handler>
