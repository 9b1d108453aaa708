#include "crypto/roca.h"

// Nemec et al., "The Return of Coppersmith's Attack", section 2.3: the chips' primes are powers
// of 65537 modulo the product of these, and so is what two of them make.
static const unsigned primes[] = {
    3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
    73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
};

static unsigned remainder_of(str modulus, unsigned prime)
{
    unsigned rest = 0;

    for (size_t i = 0; i < modulus.len; i++)
        rest = (rest << 8 | (uint8_t)modulus.ptr[i]) % prime;
    return rest;
}

static bool is_power_of_65537(unsigned rest, unsigned prime)
{
    unsigned power = 1;

    do {
        if (power == rest)
            return true;
        power = power * (65537 % prime) % prime;
    } while (power != 1);
    return false;
}

bool roca_is_broken(str modulus)
{
    for (size_t i = 0; i < COUNT_OF(primes); i++) {
        if (!is_power_of_65537(remainder_of(modulus, primes[i]), primes[i]))
            return false;
    }
    return true;
}
