/* What protects QUIC's Initial packets. Its keys are public (RFC 9001 section 5.2): whoever sees the packets can make
 * them, so that nothing here is a secret, and nothing need be wiped.
 *
 * No cipher and no hash is written here. Both are OpenSSL's, of the very library that Python's own hashes come from:
 * that is in the process already, and is asked for its functions by name, so that no header is needed to compile this
 * and no library to start. They are public, and the same in every version since 1.1. What they do is tried once with
 * the RFC's own numbers; where a function is missing, or says anything else, decode/quic_keys.py does it all. */
#include "ciphers.h"

#include <dlfcn.h>

enum { BLOCK = 64, SALT = 20, CTRL_SET_TAG = 0x11 };

typedef struct {
    int (*sha256_init)(Sha256 *);
    int (*sha256_update)(Sha256 *, const void *, size_t);
    int (*sha256_final)(uint8_t *, Sha256 *);
    void *(*context_new)(void);
    void (*context_free)(void *);
    const void *(*aes_128_ecb)(void);
    const void *(*aes_128_gcm)(void);
    int (*encrypt_init)(void *, const void *, void *, const uint8_t *, const uint8_t *);
    int (*encrypt_update)(void *, uint8_t *, int *, const uint8_t *, int);
    int (*decrypt_init)(void *, const void *, void *, const uint8_t *, const uint8_t *);
    int (*decrypt_update)(void *, uint8_t *, int *, const uint8_t *, int);
    int (*decrypt_final)(void *, uint8_t *, int *);
    int (*control)(void *, int, int, void *);
} Library;

static Library library;

static const char *const names[] = {
    "SHA256_Init",        "SHA256_Update",      "SHA256_Final",        "EVP_CIPHER_CTX_new", "EVP_CIPHER_CTX_free",
    "EVP_aes_128_ecb",    "EVP_aes_128_gcm",    "EVP_EncryptInit_ex",  "EVP_EncryptUpdate",  "EVP_DecryptInit_ex",
    "EVP_DecryptUpdate",  "EVP_DecryptFinal_ex", "EVP_CIPHER_CTX_ctrl",
};

/* Find them; a pointer to a function has the size of one to anything wherever there is dlsym (POSIX). */
static bool find_functions(void *where, Library *found) {
    _Static_assert(sizeof(Library) == sizeof names / sizeof *names * sizeof(void *), "a name for each function");
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        void *function = dlsym(where, names[at]);
        if (function == NULL) return false;
        memcpy((uint8_t *)found + at * sizeof function, &function, sizeof function);
    }
    return true;
}

/* The file of Python's own hashes: what is asked for in it is looked up in what it was linked with. */
static void *open_hashes(void) {
    PyObject *module = PyImport_ImportModule("_hashlib");
    PyObject *name = module == NULL ? NULL : PyObject_GetAttrString(module, "__file__");
    PyObject *path = name == NULL ? NULL : PyUnicode_EncodeFSDefault(name);
    void *opened = path == NULL ? NULL : dlopen(PyBytes_AS_STRING(path), RTLD_LAZY | RTLD_LOCAL);
    PyErr_Clear(); /* a Python without OpenSSL, or with one inside it */
    Py_XDECREF(module);
    Py_XDECREF(name);
    Py_XDECREF(path);
    return opened;
}

static void mac_begin(Mac *mac, const uint8_t *key, size_t size) {
    uint8_t inner[BLOCK], outer[BLOCK];
    for (size_t at = 0; at < BLOCK; at++) {
        uint8_t byte = at < size ? key[at] : 0;
        inner[at] = byte ^ 0x36, outer[at] = byte ^ 0x5C; /* RFC 2104 section 2 */
    }
    library.sha256_init(&mac->inner);
    library.sha256_update(&mac->inner, inner, BLOCK);
    library.sha256_init(&mac->outer);
    library.sha256_update(&mac->outer, outer, BLOCK);
}

static void mac_of(const Mac *mac, Span message, uint8_t digest[DIGEST]) {
    Sha256 inner = mac->inner, outer = mac->outer;
    library.sha256_update(&inner, message.at, message.size);
    library.sha256_final(digest, &inner);
    library.sha256_update(&outer, digest, DIGEST);
    library.sha256_final(digest, &outer);
}

/* HKDF-Expand-Label with an empty context (RFC 8446 section 7.1), of which one block is enough. */
static void expand(const Mac *secret, const char *label, uint8_t size, uint8_t digest[DIGEST]) {
    uint8_t info[32] = {0, size, (uint8_t)(6 + strlen(label)), 't', 'l', 's', '1', '3', ' '};
    size_t length = strlen(label);
    memcpy(info + 9, label, length);
    info[9 + length] = 0, info[10 + length] = 1;
    mac_of(secret, (Span){info, 11 + length}, digest);
}

void ciphers_keys(const Ciphers *ciphers, Span dcid, Keys *keys) {
    Mac initial, client;
    uint8_t digest[DIGEST];
    mac_of(&ciphers->salt, dcid, digest);
    mac_begin(&initial, digest, DIGEST);
    expand(&initial, "client in", DIGEST, digest);
    mac_begin(&client, digest, DIGEST);
    expand(&client, "quic key", KEY, digest);
    memcpy(keys->key, digest, KEY);
    expand(&client, "quic iv", NONCE, digest);
    memcpy(keys->iv, digest, NONCE);
    expand(&client, "quic hp", KEY, digest);
    memcpy(keys->hp, digest, KEY);
}

bool ciphers_mask(const Ciphers *ciphers, const Keys *keys, const uint8_t *sample, uint8_t mask[SAMPLE]) {
    int size = 0;
    return library.encrypt_init(ciphers->mask, NULL, NULL, keys->hp, NULL) == 1 &&
           library.encrypt_update(ciphers->mask, mask, &size, sample, SAMPLE) == 1 && size == SAMPLE;
}

bool ciphers_unseal(const Ciphers *ciphers, const Keys *keys, uint32_t number, Span head, Span sealed, uint8_t *clear) {
    if (sealed.size < TAG) return false;
    int size = 0, more = 0, length = (int)(sealed.size - TAG);
    uint8_t nonce[NONCE], tag[TAG];
    memcpy(nonce, keys->iv, NONCE);
    for (int byte = 0; byte < 4; byte++) nonce[NONCE - 1 - byte] ^= (uint8_t)(number >> 8 * byte);
    memcpy(tag, sealed.at + length, TAG);
    return library.decrypt_init(ciphers->open, NULL, NULL, keys->key, nonce) == 1 &&
           library.decrypt_update(ciphers->open, NULL, &more, head.at, (int)head.size) == 1 &&
           (length == 0 || library.decrypt_update(ciphers->open, clear, &size, sealed.at, length) == 1) &&
           size == length && library.control(ciphers->open, CTRL_SET_TAG, TAG, tag) == 1 &&
           library.decrypt_final(ciphers->open, clear + size, &more) == 1;
}

/* RFC 9001 appendices A.1 and A.2; AES-128-GCM's test case 2 (McGrew, Viega 2005), and the same with another tag. */
static bool is_right(const Ciphers *ciphers) {
    static const uint8_t dcid[] = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};
    static const Keys expected = {
        {0x1f, 0x36, 0x96, 0x13, 0xdd, 0x76, 0xd5, 0x46, 0x77, 0x30, 0xef, 0xcb, 0xe3, 0xb1, 0xa2, 0x2d},
        {0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c},
        {0x9f, 0x50, 0x44, 0x9e, 0x04, 0xa0, 0xe8, 0x10, 0x28, 0x3a, 0x1e, 0x99, 0x33, 0xad, 0xed, 0xd2},
    };
    static const uint8_t sample[] = {0xd1, 0xb1, 0xc9, 0x8d, 0xd7, 0x68, 0x9f, 0xb8,
                                     0xec, 0x11, 0xd2, 0x42, 0xb1, 0x23, 0xdc, 0x9b};
    static const uint8_t first[] = {0x43, 0x7b, 0x9a, 0xec, 0x36};
    static const Keys zeros = {{0}, {0}, {0}};
    uint8_t sealed[] = {0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92, 0xf3, 0x28, 0xc2, 0xb9, 0x71, 0xb2, 0xfe, 0x78,
                        0xab, 0x6e, 0x47, 0xd4, 0x2c, 0xec, 0x13, 0xbd, 0xf5, 0x3a, 0x67, 0xb2, 0x12, 0x57, 0xbd, 0xdf};
    uint8_t mask[SAMPLE], clear[KEY];
    Keys keys;
    Span none = {sealed, 0}, all = {sealed, sizeof sealed};
    ciphers_keys(ciphers, (Span){dcid, sizeof dcid}, &keys);
    if (memcmp(&keys, &expected, sizeof keys) != 0 || !ciphers_mask(ciphers, &keys, sample, mask)) return false;
    if (memcmp(mask, first, sizeof first) != 0 || !ciphers_unseal(ciphers, &zeros, 0, none, all, clear)) return false;
    sealed[TAG + KEY - 1] ^= 1;
    return memcmp(clear, zeros.key, KEY) == 0 && !ciphers_unseal(ciphers, &zeros, 0, none, all, clear);
}

bool ciphers_open(Ciphers *ciphers) {
    static const uint8_t salt[SALT] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                       0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
    if (library.control == NULL) {
        Library found;
        void *hashes = open_hashes();
        if (hashes == NULL || !find_functions(hashes, &found)) return false;
        library = found;
    }
    *ciphers = (Ciphers){.mask = library.context_new(), .open = library.context_new()};
    if (ciphers->mask == NULL || ciphers->open == NULL) return false;
    mac_begin(&ciphers->salt, salt, SALT);
    return library.encrypt_init(ciphers->mask, library.aes_128_ecb(), NULL, NULL, NULL) == 1 &&
           library.decrypt_init(ciphers->open, library.aes_128_gcm(), NULL, NULL, NULL) == 1 && is_right(ciphers);
}

void ciphers_close(Ciphers *ciphers) {
    if (ciphers->mask != NULL) library.context_free(ciphers->mask);
    if (ciphers->open != NULL) library.context_free(ciphers->open);
    ciphers->mask = ciphers->open = NULL;
}
