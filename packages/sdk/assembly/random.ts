// Interface random.

/** Fills `length` bytes with random numbers. */
// @ts-ignore: decorator
@external("random", "fill")
export declare function fill(destination: usize, length: u32): void;
