/* SHA-256 (FIPS 180-4), one message or two at a time. It knows bytes, and nothing of tokens.
 *
 * Two short messages that are hashed side by side cost hardly more than one: each round waits for
 * the one before it, and the processor fills the wait with the other message.
 */
#ifndef MASKLINE_SHA256_H
#define MASKLINE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BLOCK = 64, SHA256_DIGEST = 32 };

/* The eight words of a hash that is under way. */
typedef struct {
    uint32_t words[8];
} sha256_state;

/* The state before the first block. */
extern const sha256_state SHA256_START;

/* Take in one block of 64 bytes; or one block each for two states. */
void sha256_block(sha256_state *state, const uint8_t *block);
void sha256_block_pair(sha256_state *a, const uint8_t *block_a,
                       sha256_state *b, const uint8_t *block_b);

/* Take in the last bytes of a message that, with `before` whole blocks, is complete; write the digest. */
void sha256_finish(sha256_state state, uint64_t before, const uint8_t *data, size_t size,
                   uint8_t digest[SHA256_DIGEST]);

/* The digest of a message. */
void sha256_once(const uint8_t *data, size_t size, uint8_t digest[SHA256_DIGEST]);

/* Big-endian bytes of a state's words. */
void sha256_write(const sha256_state *state, uint8_t digest[SHA256_DIGEST]);

/* Pad up to 55 bytes into one block, the last of a message of `total` bytes. */
void sha256_pad(uint8_t block[SHA256_BLOCK], const uint8_t *data, size_t size, uint64_t total);

/* Whether the processor has the SHA extensions. */
int sha256_is_accelerated(void);

#endif
