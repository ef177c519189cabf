/* What the records of an answer tell; worker/plain_records.py is the same in Python, with
 * decode/plain_binding.py, and says which are plain. */
#include "records.h"

enum { HEADER = 12, SMALLEST = 11, MANY = 64, MAX_HOSTS = 8, MAX_LABEL = 63, POINTER = 0xC0 };
enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28, TYPE_DNAME = 39, TYPE_SVCB = 64, TYPE_HTTPS = 65, CLASS_IN = 1 };
enum { ALPN = 1, PORT = 3, IPV4_HINT = 4, IPV6_HINT = 6 };

/* Whether a label of a message is whole and ordinary. */
static bool is_label(Span wire, size_t at) {
    size_t length = wire.at[at];
    if (length > MAX_LABEL || at + length >= wire.size) return false;
    for (size_t byte = at + 1; byte <= at + length; byte++)
        if (lower(wire.at[byte]) == 0) return false;
    return true;
}

/* Read the name at *at* in lower case, which moves behind it; false where it is odd. */
static bool read_name(Span wire, size_t *at, Name *name) {
    size_t here = *at, piece = here, after = 0;
    name->size = 0;
    for (;;) {
        if (here >= wire.size) return false;
        size_t length = wire.at[here];
        if (length == 0) break;
        if (length >= POINTER) {
            if (here + 2 > wire.size) return false;
            size_t target = big16(wire.at + here) & 0x3FFF;
            if (after == 0) after = here + 2;
            if (target < HEADER || target >= piece) return false;
            here = piece = target;
            continue;
        }
        if (!is_label(wire, here) || name->size + (name->size > 0) + length > MAX_NAME) return false;
        if (name->size > 0) name->text[name->size++] = '.';
        for (size_t byte = here + 1; byte <= here + length; byte++) name->text[name->size++] = lower(wire.at[byte]);
        here += 1 + length;
    }
    *at = after != 0 ? after : here + 1;
    return true;
}

/* Identifiers, each behind its length. */
static bool are_identifiers(Span value) {
    size_t at = 0;
    while (at < value.size) {
        if (value.at[at] == 0) return false;
        at += 1u + value.at[at];
    }
    return at == value.size && at > 0;
}

static bool is_plain_parameter(unsigned key, Span value) {
    switch (key) {
    case ALPN:
        return are_identifiers(value);
    case PORT:
        return value.size == 2;
    case IPV4_HINT:
        return value.size > 0 && value.size % 4 == 0;
    case IPV6_HINT:
        return value.size > 0 && value.size % 16 == 0;
    default:
        return false; /* ECH has a structure of its own */
    }
}

/* Whether the data of an HTTPS record is a binding that no reader refuses. */
static bool is_plain_binding(Span data) {
    size_t at = 2;
    if (data.size < 3 || big16(data.at) == 0) return false; /* 0: an alias */
    while (data.at[at] != 0) {
        if (!is_label(data, at)) return false;
        at += 1u + data.at[at];
        if (at > MAX_NAME || at >= data.size) return false;
    }
    at++;
    for (unsigned last = 0; at < data.size;) {
        if (at + 4 > data.size) return false;
        unsigned key = big16(data.at + at), size = big16(data.at + at + 2);
        if (key <= last || at + 4 + size > data.size) return false;
        if (!is_plain_parameter(key, (Span){data.at + at + 4, size})) return false;
        at += 4 + size, last = key;
    }
    return true;
}

/* A record's owner, or where it points at the question that. */
typedef struct {
    bool asked;
    Name name;
} Owner;

/* Whose the addresses are: of what was asked for, or of names. */
typedef struct {
    bool asked;
    int count;
    Name names[MAX_HOSTS];
} Hosts;

static bool has_host(const Hosts *hosts, const Name *name) {
    for (int at = 0; at < hosts->count; at++)
        if (hosts->names[at].size == name->size && memcmp(hosts->names[at].text, name->text, name->size) == 0)
            return true;
    return false;
}

/* Whether a name may have an address here: it is one of those, or no signature names it. */
static int add_host(Hosts *hosts, const Owner *owner, IsUnnamed *is_unnamed, void *context) {
    if (owner->asked) return hosts->asked = true;
    if (has_host(hosts, &owner->name)) return YES;
    if (hosts->count + hosts->asked >= MAX_HOSTS) return NO;
    int unnamed = is_unnamed(context, &owner->name);
    if (unnamed != YES) return unnamed;
    Name *name = &hosts->names[hosts->count++];
    name->size = owner->name.size;
    memcpy(name->text, owner->name.text, name->size);
    return YES;
}

/* How many they are; what was asked for may be spelled out as well. */
static int count_hosts(const Hosts *hosts, Span wire) {
    Name name;
    size_t at = HEADER;
    bool twice = hosts->asked && hosts->count > 0 && read_name(wire, &at, &name) && has_host(hosts, &name);
    return hosts->count + hosts->asked - twice;
}

/* Read the owner at *at*, which moves behind it; false where it is odd. Most are what was asked for, which is plain. */
static bool read_owner(Span wire, size_t *at, Owner *owner) {
    owner->asked = *at + 2 <= wire.size && big16(wire.at + *at) == (POINTER << 8 | HEADER);
    owner->name.size = 0;
    if (!owner->asked) return read_name(wire, at, &owner->name);
    *at += 2;
    return true;
}

static bool is_read(unsigned type) {
    return type == TYPE_A || type == TYPE_AAAA || type == TYPE_CNAME || type == TYPE_HTTPS || type == TYPE_SVCB ||
           type == TYPE_DNAME;
}

int records_read(Span wire, size_t at, int records, bool cut, IsUnnamed *is_unnamed, void *context, Told *told) {
    Owner owner;
    Name target;
    Hosts hosts;
    hosts.asked = false, hosts.count = 0;
    *told = (Told){0};
    if (records > MANY) return NO;
    for (int number = 0; number < records; number++) {
        if (cut && wire.size - at < SMALLEST) break;
        if (!read_owner(wire, &at, &owner)) return NO;
        if (cut && at + 10 > wire.size) break;
        if (at + 10 > wire.size) return NO;
        unsigned type = big16(wire.at + at), class = big16(wire.at + at + 2), size = big16(wire.at + at + 8);
        size_t start = at + 10;
        at = start + size;
        if (cut && at > wire.size) break;
        if (!is_read(type)) continue;
        if (class != CLASS_IN || at > wire.size) return NO;
        if (!owner.asked && owner.name.size == 0) return NO;
        if (type == TYPE_A || type == TYPE_AAAA) {
            int may = size == (type == TYPE_A ? 4 : 16) ? add_host(&hosts, &owner, is_unnamed, context) : NO;
            if (may != YES) return may;
        } else if (type == TYPE_CNAME) {
            if (!read_name(wire, &start, &target) || target.size == 0 || start != at) return NO;
            told->aliases++;
        } else if (type != TYPE_HTTPS || !is_plain_binding((Span){wire.at + start, size})) {
            return NO;
        }
    }
    told->answers = count_hosts(&hosts, wire);
    return cut || at == wire.size;
}
