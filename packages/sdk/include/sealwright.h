/* The module's interfaces for programs in C. A program exports process (function 0) and f1, f2, ... (functions 1, 2, ...). */
#ifndef SEALWRIGHT_H
#define SEALWRIGHT_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEALWRIGHT_IMPORT(module, name) __attribute__((import_module(#module), import_name(#name)))
#define SEALWRIGHT_EXPORT(name) __attribute__((export_name(#name)))

/* io: the command and its answer. */
SEALWRIGHT_IMPORT(io, input_length) u32 io_input_length(void);
SEALWRIGHT_IMPORT(io, input) void io_input(void *destination, u32 offset, u32 length);
SEALWRIGHT_IMPORT(io, output) void io_output(const void *source, u32 length);
SEALWRIGHT_IMPORT(io, ins) u32 io_ins(void);
SEALWRIGHT_IMPORT(io, p1) u32 io_p1(void);
SEALWRIGHT_IMPORT(io, p2) u32 io_p2(void);
SEALWRIGHT_IMPORT(io, channel) u32 io_channel(void);
SEALWRIGHT_IMPORT(io, status) void io_status(u32 sw);
SEALWRIGHT_IMPORT(io, refuse) _Noreturn void io_refuse(u32 sw);

/* data: the data area, the only memory that stays. */
SEALWRIGHT_IMPORT(data, size) u32 data_size(void);
SEALWRIGHT_IMPORT(data, read) void data_read(u32 offset, void *destination, u32 length);
SEALWRIGHT_IMPORT(data, write) void data_write(u32 offset, const void *source, u32 length);

/* random */
SEALWRIGHT_IMPORT(random, fill) void random_fill(void *destination, u32 length);

/* mac: AES-CMAC under keys of granted places. cmac writes 16 bytes; verify takes 8 to 16 and answers 1 or 0. */
SEALWRIGHT_IMPORT(mac, cmac) void mac_cmac(u32 place, const void *source, u32 length, void *destination);
SEALWRIGHT_IMPORT(mac, verify)
u32 mac_verify(u32 place, const void *source, u32 length, const void *mac, u32 mac_length);

/* cipher: AES-CBC, whole blocks, 16 bytes of IV. */
SEALWRIGHT_IMPORT(cipher, encrypt)
void cipher_encrypt(u32 place, const void *iv, const void *source, u32 length, void *destination);
SEALWRIGHT_IMPORT(cipher, decrypt)
void cipher_decrypt(u32 place, const void *iv, const void *source, u32 length, void *destination);

/* sign: 64 bytes over "APP1", the resource, the data. */
SEALWRIGHT_IMPORT(sign, sign) void sign_sign(const void *source, u32 length, void *destination);

/* clock: seconds since 1970 that the operator last brought, 0 when not known. */
SEALWRIGHT_IMPORT(clock, now) u64 clock_now(void);
SEALWRIGHT_IMPORT(clock, known) u32 clock_known(void);

#endif
