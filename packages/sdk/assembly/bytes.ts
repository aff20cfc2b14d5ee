// Numbers in memory, big-endian, as everything on the wire.

// @ts-ignore: decorator
@inline export function loadU16(at: usize): u32 {
  return bswap<u16>(load<u16>(at));
}

// @ts-ignore: decorator
@inline export function loadU32(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

// @ts-ignore: decorator
@inline export function loadU64(at: usize): u64 {
  return bswap<u64>(load<u64>(at));
}

// @ts-ignore: decorator
@inline export function storeU16(at: usize, value: u32): void {
  store<u16>(at, bswap<u16>(<u16>value));
}

// @ts-ignore: decorator
@inline export function storeU32(at: usize, value: u32): void {
  store<u32>(at, bswap<u32>(value));
}

// @ts-ignore: decorator
@inline export function storeU64(at: usize, value: u64): void {
  store<u64>(at, bswap<u64>(value));
}

/** Compares without a branch on the content: for everything secret. */
export function equal(a: usize, b: usize, length: u32): bool {
  let difference: u32 = 0;
  for (let i: u32 = 0; i < length; i++) difference |= <u32>(load<u8>(a + i) ^ load<u8>(b + i));
  return difference == 0;
}
