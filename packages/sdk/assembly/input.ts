// Reads the command data from front to back. Reading beyond the end, or leaving a rest, refuses the command with 6A80.
import * as io from "./io";
import * as status from "./status";
import { loadU16, loadU32, loadU64 } from "./bytes";

let position: u32 = 0;
let limit: u32 = 0;
const scratch = memory.data(8);

/** Call this first in every function that reads: memory, and with it the position, outlives a call. */
export function begin(): void {
  position = 0;
  limit = io.length();
}

// @ts-ignore: decorator
@inline export function remaining(): u32 {
  return limit - position;
}

/** Copies the next `length` bytes to `destination`. */
export function take(destination: usize, length: u32): void {
  if (length > limit - position) io.refuse(status.WRONG_DATA);
  io.input(destination, position, length);
  position += length;
}

export function nextU8(): u32 {
  take(scratch, 1);
  return load<u8>(scratch);
}

export function nextU16(): u32 {
  take(scratch, 2);
  return loadU16(scratch);
}

export function nextU32(): u32 {
  take(scratch, 4);
  return loadU32(scratch);
}

export function nextU64(): u64 {
  take(scratch, 8);
  return loadU64(scratch);
}

/** The command data must have ended here. */
export function end(): void {
  if (position != limit) io.refuse(status.WRONG_DATA);
}
