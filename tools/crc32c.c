/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/crc32c.h"

#define REVERSED 0x82F63B78u /* the polynomial, its highest bit left out, lowest bit first */

/* Remainders of all numbers of four bits: a table that can be checked by eye, for records of a hundred bytes. */
#define SHIFT(x) ((x) >> 1 ^ ((x) & 1 ? REVERSED : 0))
#define ROW(x) SHIFT(SHIFT(SHIFT(SHIFT(x))))
static const uint32_t rest[16] = {ROW(0u), ROW(1u), ROW(2u), ROW(3u), ROW(4u), ROW(5u), ROW(6u), ROW(7u), ROW(8u),
	ROW(9u), ROW(10u), ROW(11u), ROW(12u), ROW(13u), ROW(14u), ROW(15u)};

uint32_t crc32c(const void *data, size_t size)
{
	const unsigned char *at = data;
	uint32_t crc = ~0u;
	for (size_t i = 0; i < size; i++) {
		crc ^= at[i];
		crc = crc >> 4 ^ rest[crc & 15];
		crc = crc >> 4 ^ rest[crc & 15];
	}
	return ~crc;
}
