/** First bytes of everything that is signed or derived: no two uses share a label. */
export const labels = {
  chainStart: { text: 'EVT0', use: 'start of the event chain' },
  chainLink: { text: 'EVT1', use: 'link of the event chain' },
  passportHead: { text: 'PSP1', use: 'signed head of the event chain' },
  identityRequest: { text: 'IDR1', use: 'identity key asks for its certificate' },
  begin: { text: 'BGN1', use: 'identity key signs the new operating key' },
  complete: { text: 'CPL1', use: 'operating key signs the receipt of COMPLETE' },
  customizationImage: { text: 'CST1', use: 'client signs the customization software' },
  customizationKeys: { text: 'CSK1', use: 'SCP03 keys from unlocking key and serial number' },
  documentKeys: { text: 'DCK1', use: 'SCP03 keys from the document key' },
  signature: { text: 'SAS1', use: 'SAS over an application key' },
  acknowledgement: { text: 'ACK1', use: 'receipt of an application key' },
  application: { text: 'APP1', use: 'signature asked for by a program' },
  resourceReceipt: { text: 'RSC1', use: "operating key signs what an operator's document did" },
  loadReceipt: { text: 'LOD1', use: 'operating key signs a completed load' },
  packageKey: { text: 'PCK1', use: "AES-GCM key that seals a package's key to one module" },
  packageBlock: { text: 'PBK1', use: 'AES-GCM, associated data of one block of a package' },
} as const satisfies Record<string, { text: string; use: string }>
