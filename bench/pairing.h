/**
 * Which two wallets a conversation is between, without a word of memory for it: the rounds of a
 * tournament (the circle method). In each round every wallet has one peer; each two wallets
 * meet in one round. Conversation c is in round c / (n / 2), at place c % (n / 2).
 */
#pragma once

#include "bench/prng.h"

/** Of so many wallets, an even number: conversations that there can be. */
uint64_t pairing_most(uint32_t n_wallets);

/** @return the fewest wallets, an even number, that can have so many conversations */
uint64_t pairing_wallets(uint64_t n_conversations);

/** Conversations in play with so many messages: one for `per` of them, but so many that each
 * wallet has one, and no more than there can be. */
uint64_t pairing_in_play(uint32_t n_wallets, uint64_t n_messages, uint32_t per);

/** With whom wallet i is in this round, below n_wallets - 1. */
uint32_t pairing_peer(uint32_t n_wallets, uint32_t round, uint32_t i);

/** At which place, below n_wallets / 2; its peer is at the same. */
uint32_t pairing_place(uint32_t n_wallets, uint32_t round, uint32_t i);

/**
 * One of wallet i's peers by chance, each as likely as another, where the first n_conversations
 * are in play: at least one round, at most all.
 */
uint32_t pairing_draw(struct prng *prng, uint32_t n_wallets, uint64_t n_conversations,
                      uint32_t i);
