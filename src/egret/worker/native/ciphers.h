/* ciphers.c: what protects QUIC's Initial packets, by the library that Python hashes with. */
#ifndef EGRET_CIPHERS_H
#define EGRET_CIPHERS_H

#include "native.h"

enum { KEY = 16, NONCE = 12, SAMPLE = 16, TAG = 16, DIGEST = 32 };

/* Of one direction of one connection attempt. */
typedef struct {
    uint8_t key[KEY], iv[NONCE], hp[KEY];
} Keys;

/* A hash that is not done: SHA256_CTX, of 112 bytes, and of a size that OpenSSL's headers have promised since 0.9.8. */
typedef struct {
    _Alignas(16) uint8_t state[128];
} Sha256;

/* HMAC-SHA-256 with one key. */
typedef struct {
    Sha256 inner, outer;
} Mac;

/* What keys are made with, and what is used with them; nobody else does meanwhile. */
typedef struct {
    Mac salt;
    void *mask, *open; /* EVP_CIPHER_CTX */
} Ciphers;

bool ciphers_open(Ciphers *ciphers); /* whether the library is there and does what it should */
void ciphers_close(Ciphers *ciphers);

/* The keys of what a client sends in version 1: RFC 9001 sections 5.1 and 5.2. */
void ciphers_keys(const Ciphers *ciphers, Span dcid, Keys *keys);

/* The mask of a header (section 5.4.3). */
bool ciphers_mask(const Ciphers *ciphers, const Keys *keys, const uint8_t *sample, uint8_t mask[SAMPLE]);

/* What was *sealed* with its tag, as many bytes without that; false where the tag does not verify (section 5.3). */
bool ciphers_unseal(const Ciphers *ciphers, const Keys *keys, uint32_t number, Span head, Span sealed, uint8_t *clear);

#endif
