// Appends to the answer.
import * as io from "./io";
import { storeU16, storeU32, storeU64 } from "./bytes";

const scratch = memory.data(8);

// @ts-ignore: decorator
@inline export function add(source: usize, length: u32): void {
  io.output(source, length);
}

export function addU8(value: u32): void {
  store<u8>(scratch, <u8>value);
  io.output(scratch, 1);
}

export function addU16(value: u32): void {
  storeU16(scratch, value);
  io.output(scratch, 2);
}

export function addU32(value: u32): void {
  storeU32(scratch, value);
  io.output(scratch, 4);
}

export function addU64(value: u64): void {
  storeU64(scratch, value);
  io.output(scratch, 8);
}
