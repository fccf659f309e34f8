/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli et al., 1993), as iSCSI has it: the remainder of division by the polynomial 0x1EDC6F41, bits
 * from the lowest, inverted at both ends (RFC 3720, appendix B.4 has vectors). Of no Debian library that is for C.
 */
#ifndef TL_TOOLS_CRC32C_H
#define TL_TOOLS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *data, size_t size);

#endif
