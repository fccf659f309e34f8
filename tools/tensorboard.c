/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tensorboard.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/crc32c.h"

/* A message of protocol buffers, growing; once memory was out it stays `broken`. */
typedef struct message {
	unsigned char *at;
	size_t n, room;
	bool broken;
} message;

struct tensorboard {
	FILE *file;
	bool own_file;
	double time; /* of all events; NaN: the clock's */
	message summary, event; /* empty but between calls of add, and within flush */
};

static void put(message *m, const void *bytes, size_t n)
{
	if (m->room - m->n < n) {
		size_t room = 2 * (m->n + n) + 64;
		unsigned char *more = realloc(m->at, room);
		if (!more) {
			m->broken = true;
			return;
		}
		m->at = more;
		m->room = room;
	}
	memcpy(m->at + m->n, bytes, n);
	m->n += n;
}

static unsigned char *little_endian(unsigned char to[8], uint64_t x)
{
	for (int k = 0; k < 8; k++)
		to[k] = (unsigned char)(x >> 8 * k);
	return to;
}

/* Seven bits a byte, the lowest first; the highest bit says that more follow. */
static void put_varint(message *m, uint64_t x)
{
	unsigned char b[10];
	size_t n = 0;
	for (; x >= 0x80; x >>= 7)
		b[n++] = (unsigned char)(x | 0x80);
	b[n++] = (unsigned char)x;
	put(m, b, n);
}

/* The types on the wire. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static void put_key(message *m, unsigned field, unsigned type)
{
	put_varint(m, field << 3 | type);
}

static void put_bytes(message *m, unsigned field, const void *bytes, size_t n)
{
	put_key(m, field, BYTES);
	put_varint(m, n);
	put(m, bytes, n);
}

static void put_double(message *m, unsigned field, double x)
{
	uint64_t bits;
	unsigned char b[8];
	memcpy(&bits, &x, sizeof bits);
	put_key(m, field, FIXED64);
	put(m, little_endian(b, bits), 8);
}

static void put_float(message *m, unsigned field, float x)
{
	uint32_t bits;
	unsigned char b[8];
	memcpy(&bits, &x, sizeof bits);
	put_key(m, field, FIXED32);
	put(m, little_endian(b, bits), 4);
}

static uint32_t masked(const void *bytes, size_t n)
{
	uint32_t crc = crc32c(bytes, n);
	return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static double now(const tensorboard *b)
{
	struct timespec t;
	if (!isnan(b->time))
		return b->time;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#define HEAD 12 /* bytes before an event */

/* The event with one more member, of type BYTES, as a record. */
static tl_status write_event(tensorboard *b, int64_t step, unsigned field, const void *bytes, size_t n, tl_error *err)
{
	static const unsigned char later[HEAD];
	message *m = &b->event;
	unsigned char number[8];
	m->n = 0;
	put(m, later, HEAD);
	put_double(m, 1, now(b));
	if (step) {
		put_key(m, 2, VARINT);
		put_varint(m, (uint64_t)step);
	}
	put_bytes(m, field, bytes, n);
	if (m->broken)
		return tl_error_memory(err);
	size_t size = m->n - HEAD;
	little_endian(m->at, size);
	memcpy(m->at + 8, little_endian(number, masked(m->at, 8)), 4);
	put(m, little_endian(number, masked(m->at + HEAD, size)), 4);
	if (!m->broken && fwrite(m->at, 1, m->n, b->file) == m->n && fflush(b->file) == 0)
		return TL_OK;
	return tl_error_set(err, TL_ERR_IO, "--tensorboard: an event cannot be written: %s", strerror(errno));
}

static tl_status begin(tensorboard *b, int64_t step, tl_error *err)
{
	static const char version[] = "brain.Event:2";
	static const unsigned char start[] = {1 << 3 | VARINT, 1}; /* SessionLog.START */
	if (write_event(b, 0, 3, version, sizeof version - 1, err))
		return err->status;
	return step ? write_event(b, step + 1, 7, start, sizeof start, err) : TL_OK;
}

tensorboard *tensorboard_new_at(FILE *to, double time, int64_t step, tl_error *err)
{
	tensorboard *b = calloc(1, sizeof *b);
	if (!b) {
		tl_error_memory(err);
		return NULL;
	}
	b->file = to;
	b->time = time;
	if (!begin(b, step, err))
		return b;
	tensorboard_free(b);
	return NULL;
}

tensorboard *tensorboard_new(const char *dir, int64_t step, tl_error *err)
{
	char host[256], path[4600];
	if (gethostname(host, sizeof host))
		snprintf(host, sizeof host, "localhost");
	host[sizeof host - 1] = '\0';
	snprintf(path, sizeof path, "%.4000s/events.out.tfevents.%010" PRId64 ".%.200s.%07ld", dir, (int64_t)time(NULL),
		host, (long)getpid());
	FILE *file = fopen(path, "ab");
	if (!file) {
		tl_error_set(err, TL_ERR_IO, "--tensorboard: %.600s cannot be written: %s", path, strerror(errno));
		return NULL;
	}
	tensorboard *b = tensorboard_new_at(file, NAN, step, err);
	if (b)
		b->own_file = true;
	else
		fclose(file);
	return b;
}

void tensorboard_free(tensorboard *b)
{
	if (!b)
		return;
	if (b->own_file)
		fclose(b->file);
	free(b->summary.at);
	free(b->event.at);
	free(b);
}

void tensorboard_add(tensorboard *b, const char *tag, double value)
{
	message m = {0};
	if (isnan(value))
		return;
	put_bytes(&m, 1, tag, strlen(tag));
	put_float(&m, 2, (float)value);
	put_bytes(&b->summary, 1, m.at, m.n);
	b->summary.broken = b->summary.broken || m.broken;
	free(m.at);
}

tl_status tensorboard_flush(tensorboard *b, int64_t step, tl_error *err)
{
	size_t n = b->summary.n;
	if (b->summary.broken)
		return tl_error_memory(err);
	b->summary.n = 0;
	return n ? write_event(b, step, 5, b->summary.at, n, err) : TL_OK;
}
