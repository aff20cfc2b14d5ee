// Interface cipher: AES-CBC without padding under keys of granted places. `iv` is 16 bytes, `length` a multiple of 16.

// @ts-ignore: decorator
@external("cipher", "encrypt")
export declare function encrypt(place: u32, iv: usize, source: usize, length: u32, destination: usize): void;

// @ts-ignore: decorator
@external("cipher", "decrypt")
export declare function decrypt(place: u32, iv: usize, source: usize, length: u32, destination: usize): void;
