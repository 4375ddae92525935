// Preloaded into a program, this gives its first thread a stack that stops growing: a mapping lies below it.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

// GOPYRPC_TEST_STACK_ENDS: how many bytes below the present end, and whether the mapping can be read (r) or not (n).
__attribute__((constructor)) static void end_stack(void) {
	const char *below = getenv("GOPYRPC_TEST_STACK_ENDS");
	if (!below) return;
	char line[512], *rest;
	uintptr_t start = 0, low = (uintptr_t)&line, offset = strtoul(below, &rest, 10);
	FILE *maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof line, maps)) {
		char *dash;
		uintptr_t from = strtoul(line, &dash, 16), to = strtoul(dash + 1, NULL, 16);
		if (from <= low && low < to) start = from;
	}
	if (maps) fclose(maps);
	void *at = (void *)((start - offset) & ~(uintptr_t)0xffff), *got = MAP_FAILED;
	if (start) got = mmap(at, 0x10000, *rest == 'r' ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (got != at) {
		fputs("the mapping below the stack could not be made\n", stderr);
		exit(99);
	}
}
