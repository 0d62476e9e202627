/* SHA-256 (FIPS 180-4), one message or two at a time. It knows bytes, and nothing of tokens.
 *
 * Two short messages that are hashed side by side cost hardly more than one: each round waits for
 * the one before it, and the processor fills the wait with the other message.
 */
#ifndef MASKLINE_SHA256_H
#define MASKLINE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_BLOCK = 64, SHA256_DIGEST = 32, SHA256_LANES = 16, SHA256_SHORT = 55 };

/* The eight words of a hash that is under way. */
typedef struct {
    uint32_t words[8];
} sha256_state;

/* The state before the first block, and the constants of the rounds. */
extern const sha256_state SHA256_START;
extern const uint32_t SHA256_K[64];

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
bool sha256_is_accelerated(void);

/* Whether it can do sixteen messages at once; if not, the next two functions must not be called. */
bool sha256_has_lanes(void);

/* A message of at most SHA256_SHORT bytes: with its padding, it fits one block. */
typedef struct {
    const uint8_t *data;
    size_t size;
} sha256_message;

/* The digests of sixteen short messages, word by word: words[i][lane] is word i of a lane's. */
void sha256_lanes(const sha256_message messages[SHA256_LANES], uint32_t words[8][SHA256_LANES]);

/* The same for their HMACs, from the states that have read the two pads. */
void hmac_sha256_lanes(const sha256_state *inner, const sha256_state *outer,
                       const sha256_message messages[SHA256_LANES],
                       uint32_t words[8][SHA256_LANES]);

#endif
