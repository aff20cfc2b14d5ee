// The program in the ROM of a masked chip. Function 1 is masked incomplete: who holds the mask alone cannot make its answer.
import { answer, data, input, io, status } from "@sealwright/sdk/assembly";

/**
 * Supplied by the additional software: bytes of the text for `index` = -1, else its byte at `index`.
 */
// @ts-ignore: decorator
@external("added", "f1")
declare function productText(index: i32): i32;

const MASK: u32 = 0x0001;
const MOST: i32 = 64;
const ROOM: u32 = 240;
const product = memory.data(240);

/** PRODUCT INFO: number of the mask(2) ‖ length(1) ‖ text, which only the additional software knows. */
export function f1(): void {
  input.begin();
  input.end();
  const length = productText(-1);
  if (length < 1 || length > MOST) io.refuse(status.CONDITIONS_NOT_SATISFIED);
  answer.addU16(MASK);
  answer.addU8(length);
  for (let i = 0; i < length; i++) answer.addU8(productText(i));
}

/** CHECK LINE: CRC-32 (ISO 3309) of the command data, to test the line to the module. */
export function f2(): void {
  let crc: u32 = 0xffffffff;
  input.begin();
  while (input.remaining() > 0) {
    crc ^= input.nextU8();
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
  }
  answer.addU32(~crc);
}

/** PRODUCT DATA: what customization wrote into this program's data area. */
export function f4(): void {
  input.begin();
  input.end();
  const length = data.size();
  if (length > ROOM) io.refuse(status.NO_SPACE);
  data.read(0, product, length);
  answer.add(product, length);
}

/** Masked and named by no vector as delivered: the sum of the bytes of the command data. */
export function f3(): void {
  let sum: u32 = 0;
  input.begin();
  while (input.remaining() > 0) sum += input.nextU8();
  answer.addU32(sum);
}
