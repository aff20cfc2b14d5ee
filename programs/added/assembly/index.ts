// Additional software: completes what the mask left out (f1), adds a command (f2) and amends one (f3).
import { answer, input, io, status } from "@sealwright/sdk/assembly";

const LENGTH: i32 = 18;
// "Sealwright product"
const text = memory.data<u8>([
  0x53, 0x65, 0x61, 0x6c, 0x77, 0x72, 0x69, 0x67, 0x68, 0x74, 0x20, 0x70, 0x72, 0x6f, 0x64, 0x75, 0x63, 0x74,
]);

/** For the ROM's PRODUCT INFO: length of the text for -1, else its byte at `index`. */
export function f1(index: i32): i32 {
  if (index == -1) return LENGTH;
  if (<u32>index >= <u32>LENGTH) io.refuse(status.WRONG_DATA);
  return load<u8>(text + index);
}

/** CHECK DIGIT: the digit after a card number in BCD (ISO/IEC 7812-1, annex B); F fills an odd place. Answers one byte. */
export function f2(): void {
  let even: u32 = 0;
  let odd: u32 = 0;
  let digits: u32 = 0;
  input.begin();
  if (input.remaining() == 0 || input.remaining() > 10) io.refuse(status.WRONG_LENGTH);
  while (input.remaining() > 0) {
    const pair = input.nextU8();
    for (let half = 0; half < 2; half++) {
      const digit = half == 0 ? pair >> 4 : pair & 0x0f;
      if (digit == 0x0f && half == 1 && input.remaining() == 0) break;
      if (digit > 9) io.refuse(status.WRONG_DATA);
      const twice = digit > 4 ? digit * 2 - 9 : digit * 2;
      // The digit before the check digit counts twice, then every other one; which they are shows at the end.
      if (digits & 1) {
        odd += twice;
        even += digit;
      } else {
        odd += digit;
        even += twice;
      }
      digits++;
    }
  }
  const sum = digits & 1 ? even : odd;
  answer.addU8((10 - (sum % 10)) % 10);
}

/** CHECK LINE as amended: length(2) of the command data before the CRC-32 that the mask answers alone. */
export function f3(): void {
  let crc: u32 = 0xffffffff;
  input.begin();
  answer.addU16(input.remaining());
  while (input.remaining() > 0) {
    crc ^= input.nextU8();
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
  }
  answer.addU32(~crc);
}
