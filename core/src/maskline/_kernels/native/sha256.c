/* SHA-256, with the SHA extensions of x86 where the processor has them. */
#include "sha256.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(KERNELS_PORTABLE)
#define SHA256_X86 1
#include <cpuid.h>
#include <immintrin.h>
#endif

const sha256_state SHA256_START = {{
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}};

/* FIPS 180-4, section 4.2.2. */
const uint32_t SHA256_K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t read_word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_word(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)(word >> 24);
    bytes[1] = (uint8_t)(word >> 16);
    bytes[2] = (uint8_t)(word >> 8);
    bytes[3] = (uint8_t)word;
}

static uint32_t rotate(uint32_t word, int by)
{
    return word >> by | word << (32 - by);
}

/* FIPS 180-4, section 6.2.2. */
static void block_portable(sha256_state *state, const uint8_t *block)
{
    uint32_t w[64];
    for (int t = 0; t < 16; t++) {
        w[t] = read_word(block + 4 * t);
    }
    for (int t = 16; t < 64; t++) {
        uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    uint32_t *h = state->words;
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], last = h[7];
    for (int t = 0; t < 64; t++) {
        uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t t1 = last + sum1 + ((e & f) ^ (~e & g)) + SHA256_K[t] + w[t];
        uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
        last = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += last;
}

#ifdef SHA256_X86

static bool has_extensions;

/* Runs once, when the module is loaded; what it finds cannot change. */
__attribute__((constructor)) static void look_at_processor(void)
{
    unsigned a, b, c, d;
    bool has_sse41 = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1);
    has_extensions = has_sse41 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* One block for each of `lanes` messages. The registers hold the words in the order that the
 * instructions want: A B E F and C D G H. `lanes` is constant after inlining, and every loop is
 * unrolled, so that the arrays live in registers. */
__attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline void
blocks_x86(sha256_state *const *states, const uint8_t *const *blocks, const int lanes)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abef[2], cdgh[2], abef_before[2], cdgh_before[2], w[2][4];
#pragma GCC unroll 2
    for (int i = 0; i < lanes; i++) {
        const __m128i *words = (const __m128i *)states[i]->words;
        __m128i low = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xB1);
        __m128i high = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1B);
        abef_before[i] = abef[i] = _mm_alignr_epi8(low, high, 8);
        cdgh_before[i] = cdgh[i] = _mm_blend_epi16(high, low, 0xF0);
#pragma GCC unroll 4
        for (int t = 0; t < 4; t++) {
            w[i][t] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)blocks[i] + t), swap);
        }
    }
#pragma GCC unroll 16
    for (int t = 0; t < 16; t++) {
        const __m128i k = _mm_loadu_si128((const __m128i *)(SHA256_K + 4 * t));
#pragma GCC unroll 2
        for (int i = 0; i < lanes; i++) {
            if (t >= 4) {
                __m128i shifted = _mm_alignr_epi8(w[i][(t + 3) % 4], w[i][(t + 2) % 4], 4);
                __m128i sum = _mm_sha256msg1_epu32(w[i][t % 4], w[i][(t + 1) % 4]);
                sum = _mm_add_epi32(sum, shifted);
                w[i][t % 4] = _mm_sha256msg2_epu32(sum, w[i][(t + 3) % 4]);
            }
            __m128i input = _mm_add_epi32(w[i][t % 4], k);
            cdgh[i] = _mm_sha256rnds2_epu32(cdgh[i], abef[i], input);
            abef[i] = _mm_sha256rnds2_epu32(abef[i], cdgh[i], _mm_shuffle_epi32(input, 0x0E));
        }
    }
#pragma GCC unroll 2
    for (int i = 0; i < lanes; i++) {
        __m128i *words = (__m128i *)states[i]->words;
        __m128i feba = _mm_shuffle_epi32(_mm_add_epi32(abef[i], abef_before[i]), 0x1B);
        __m128i dchg = _mm_shuffle_epi32(_mm_add_epi32(cdgh[i], cdgh_before[i]), 0xB1);
        _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xF0));
        _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
    }
}

__attribute__((target("sha,sse4.1,ssse3"))) static void block_x86(sha256_state *state,
                                                                   const uint8_t *block)
{
    blocks_x86(&state, &block, 1);
}

__attribute__((target("sha,sse4.1,ssse3"))) static void
pair_x86(sha256_state *a, const uint8_t *block_a, sha256_state *b, const uint8_t *block_b)
{
    sha256_state *const states[2] = {a, b};
    const uint8_t *const blocks[2] = {block_a, block_b};
    blocks_x86(states, blocks, 2);
}

bool sha256_is_accelerated(void)
{
    return has_extensions;
}

#else

bool sha256_is_accelerated(void)
{
    return false;
}

#endif

void sha256_block(sha256_state *state, const uint8_t *block)
{
#ifdef SHA256_X86
    if (has_extensions) {
        block_x86(state, block);
        return;
    }
#endif
    block_portable(state, block);
}

void sha256_block_pair(sha256_state *a, const uint8_t *block_a,
                       sha256_state *b, const uint8_t *block_b)
{
#ifdef SHA256_X86
    if (has_extensions) {
        pair_x86(a, block_a, b, block_b);
        return;
    }
#endif
    block_portable(a, block_a);
    block_portable(b, block_b);
}

void sha256_write(const sha256_state *state, uint8_t digest[SHA256_DIGEST])
{
    for (int i = 0; i < 8; i++) {
        write_word(digest + 4 * i, state->words[i]);
    }
}

void sha256_pad(uint8_t block[SHA256_BLOCK], const uint8_t *data, size_t size, uint64_t total)
{
    memset(block, 0, SHA256_BLOCK);
    if (size) {
        memcpy(block, data, size);
    }
    block[size] = 0x80;
    write_word(block + 56, (uint32_t)(total >> 29));
    write_word(block + 60, (uint32_t)(total << 3));
}

void sha256_finish(sha256_state state, uint64_t before, const uint8_t *data, size_t size,
                   uint8_t digest[SHA256_DIGEST])
{
    uint64_t total = SHA256_BLOCK * before + size;
    for (; size >= SHA256_BLOCK; data += SHA256_BLOCK, size -= SHA256_BLOCK) {
        sha256_block(&state, data);
    }
    uint8_t block[SHA256_BLOCK];
    if (size > 55) {
        memset(block, 0, sizeof block);
        memcpy(block, data, size);
        block[size] = 0x80;
        sha256_block(&state, block);
        memset(block, 0, sizeof block);
        write_word(block + 56, (uint32_t)(total >> 29));
        write_word(block + 60, (uint32_t)(total << 3));
    } else {
        sha256_pad(block, data, size, total);
    }
    sha256_block(&state, block);
    sha256_write(&state, digest);
}

void sha256_once(const uint8_t *data, size_t size, uint8_t digest[SHA256_DIGEST])
{
    sha256_finish(SHA256_START, 0, data, size, digest);
}
