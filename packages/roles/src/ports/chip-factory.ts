import type { MaskFile } from '@sealwright/core/customization'

/** What a mask is laid out from. */
export interface MaskDraft {
  readonly eepromSize?: number
  /** The client's public key, 65 bytes. */
  readonly clientKey: Uint8Array
  /** WebAssembly masked in ROM. */
  readonly program: Uint8Array
  /** The customization software under the unlocking key. */
  readonly encryptedImage: Uint8Array
  /** The chips are test modules. */
  readonly test?: boolean
}

/** Brings the client's software into the form that a chip's memory has. */
export interface MaskLayout {
  layOut(draft: MaskDraft): MaskFile
  /** Where the encrypted image lies in the EEPROM of a mask. DecodeError when there is none. */
  image(mask: MaskFile): { readonly address: number; readonly bytes: Uint8Array }
  /** Throws `program-refused` for wasm that no chip takes as customization software. */
  check(customization: Uint8Array): void
}

/** Which mask a chip carries. */
export interface MaskDigests {
  /** SHA-256 of the ROM image. */
  readonly romDigest: Uint8Array
  /** SHA-256 of the encrypted image. */
  readonly imageDigest: Uint8Array
}

/** Makes chips. */
export interface ChipFactory {
  /** DecodeError when the mask is none that this factory can make. */
  digests(mask: MaskFile): MaskDigests
  /** Makes one chip, whole or not at all; false when there is a chip of that name already, which stays as it is. */
  make(name: string, mask: MaskFile): Promise<boolean>
}
