/* SPDX-License-Identifier: Apache-2.0 */
#include "export/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/util.h"

#define MAGIC 0x6b77736e61700001ULL
#define TRIES 4 /* a place is written anew every second one: that it is torn twice is odd already */

struct place {
	atomic_uint_least64_t turn; /* odd while it is written */
	uint64_t boot_ns;
	uint32_t len, why_len;
	char text[SNAPSHOT_TEXT_MAX];
	char why[SNAPSHOT_WHY_MAX];
};

struct snapshot_board {
	uint64_t magic;
	atomic_uint_least64_t newest; /* counts up; its lowest bit is the place; 0: none yet */
	struct place places[2];
};

int snapshot_new(struct snapshot_board **ret, int *fd)
{
	_cleanup_close_ int memory = memfd_create("metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	struct snapshot_board *board;

	if (memory < 0 || ftruncate(memory, sizeof(*board)))
		return -errno;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (board == MAP_FAILED)
		return -errno;
	board->magic = MAGIC;
	if (fcntl(memory, F_ADD_SEALS, seals)) {
		int err = -errno;

		snapshot_unmap(board);
		return err;
	}
	*ret = board;
	*fd = TAKE_FD(memory);
	return 0;
}

int snapshot_open(int fd, const struct snapshot_board **ret)
{
	const struct snapshot_board *board;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size != sizeof(*board))
		return -EINVAL;
	board = mmap(NULL, sizeof(*board), PROT_READ, MAP_SHARED, fd, 0);
	if (board == MAP_FAILED)
		return -errno;
	if (board->magic != MAGIC) {
		snapshot_unmap(board);
		return -EINVAL;
	}
	*ret = board;
	return 0;
}

void snapshot_unmap(const struct snapshot_board *board)
{
	if (board)
		munmap((void *)board, sizeof(*board));
}

int snapshot_write(struct snapshot_board *board, uint64_t boot_ns, const char *text, size_t len,
		   const char *why, size_t why_len)
{
	uint64_t next = atomic_load_explicit(&board->newest, memory_order_relaxed) + 1;
	struct place *p = &board->places[next & 1];

	if (len > sizeof(p->text))
		return -E2BIG;
	atomic_fetch_add_explicit(&p->turn, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	p->boot_ns = boot_ns;
	p->len = len;
	p->why_len = why_len < sizeof(p->why) ? why_len : sizeof(p->why);
	memcpy(p->text, text, len);
	memcpy(p->why, why, p->why_len);
	atomic_fetch_add_explicit(&p->turn, 1, memory_order_release);
	atomic_store_explicit(&board->newest, next, memory_order_release);
	return 0;
}

int snapshot_read(const struct snapshot_board *board, struct snapshot *ret)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t newest = atomic_load_explicit(&board->newest, memory_order_acquire);
		const struct place *p = &board->places[newest & 1];
		uint64_t turn = atomic_load_explicit(&p->turn, memory_order_acquire);

		if (!newest) {
			ret->boot_ns = ret->len = ret->why_len = 0;
			return 0;
		}
		ret->boot_ns = p->boot_ns;
		ret->len = p->len;
		ret->why_len = p->why_len;
		if (turn & 1 || ret->len > sizeof(ret->text) || ret->why_len > sizeof(ret->why))
			continue;
		memcpy(ret->text, p->text, ret->len);
		memcpy(ret->why, p->why, ret->why_len);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&p->turn, memory_order_relaxed) == turn)
			return 0;
	}
	return -EAGAIN;
}
