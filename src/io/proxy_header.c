#include "io/proxy_header.h"

#define HEAD_SIZE 16 // bytes before the addresses: signature, command, family, length

enum command {
    COMMAND_LOCAL = 0x20, // with the version in front
    COMMAND_PROXY = 0x21,
};

enum family {
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
};

static const str signature = {"\r\n\r\n\0\r\nQUIT\n", 12};
static const str text_begins = {"PROXY ", 6}; // section 2.1

/** Is s the beginning of what starts with prefix, as far as it goes? */
static bool may_become(str s, str prefix)
{
    return s.len < prefix.len ? str_starts(prefix, s) : str_starts(s, prefix);
}

static int refuse_other(str bytes)
{
    if (!may_become(bytes, text_begins))
        return PROXY_HEADER_ABSENT;
    return bytes.len < text_begins.len ? PROXY_HEADER_MORE : PROXY_HEADER_TEXT;
}

static uint16_t read_u16(const char *at)
{
    return (uint16_t)((uint8_t)at[0] << 8 | (uint8_t)at[1]);
}

/** @param size  of an address of the family: the source's, the destination's, then their ports
 */
static int read_client(struct proxy_header *out, str addresses, size_t size)
{
    static const ip nowhere = {{0}};

    if (addresses.len < 2 * size + 4)
        return PROXY_HEADER_BAD;
    ip *client = &out->client.ip;
    *client = (ip){{[10] = 0xff, [11] = 0xff}}; // where the address has no more bytes
    memcpy(client->bytes + sizeof(client->bytes) - size, addresses.ptr, size);
    out->client.port = read_u16(addresses.ptr + 2 * size);
    return memcmp(client, &nowhere, sizeof(nowhere)) == 0 ? PROXY_HEADER_NO_IP : 0;
}

int proxy_header_read(struct proxy_header *out, str bytes)
{
    *out = (struct proxy_header){0};
    if (!may_become(bytes, signature))
        return refuse_other(bytes);
    if (bytes.len < HEAD_SIZE)
        return PROXY_HEADER_MORE;
    const uint8_t command = (uint8_t)bytes.ptr[12];
    const uint8_t family = (uint8_t)bytes.ptr[13];
    if (command != COMMAND_LOCAL && command != COMMAND_PROXY)
        return PROXY_HEADER_BAD;
    out->size = HEAD_SIZE + (size_t)read_u16(bytes.ptr + 14);
    if (out->size > PROXY_HEADER_MAX)
        return PROXY_HEADER_TOO_LARGE;
    if (bytes.len < out->size)
        return PROXY_HEADER_MORE;

    out->is_local = command == COMMAND_LOCAL;
    if (out->is_local) // whatever else it says
        return 0;
    const str addresses = {bytes.ptr + HEAD_SIZE, out->size - HEAD_SIZE};
    switch (family) {
    case FAMILY_TCP4: return read_client(out, addresses, 4);
    case FAMILY_TCP6: return read_client(out, addresses, 16);
    default: return PROXY_HEADER_NO_IP;
    }
}

const char *proxy_header_remedy(enum proxy_header_refusal r)
{
    switch (r) {
    case PROXY_HEADER_MORE: return "it did not come in time: does the proxy send it?";
    case PROXY_HEADER_ABSENT:
        return "there is none: let the proxy send PROXY protocol, version 2, or leave "
               "--proxy-protocol away";
    case PROXY_HEADER_TEXT: return "it is version 1: let the proxy send version 2";
    case PROXY_HEADER_BAD: return "it is malformed";
    case PROXY_HEADER_NO_IP: return "it names no address of a client over TCP";
    case PROXY_HEADER_TOO_LARGE: return "it is longer than 4096 bytes";
    }
    return "it is none";
}
