// Starting and ending the interpreter. The owner thread calls these and nothing else does.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "pyconfig_table.h"

static char *failure(const char *step, const char *func, const char *why) {
	char text[2048];
	snprintf(text, sizeof text, "%s%s%s: %s", step, func ? ": " : "", func ? func : "", why ? why : "no reason given");
	return strdup(text);
}

static char *status_failure(const char *step, PyStatus s) { return failure(step, s.func, s.err_msg); }

// A CPython built with Py_DEBUG or Py_STATS has more fields at the end; the known offsets stay.
enum { debug_slack = 256 };

static const struct cpy_pyconfig_row *row_of(int minor) {
	for (size_t i = 0; i < sizeof cpy_pyconfig_rows / sizeof *cpy_pyconfig_rows; i++)
		if (cpy_pyconfig_rows[i].minor == minor) return &cpy_pyconfig_rows[i];
	return NULL;
}

static PyStatus set_string(PyConfig *config, size_t offset, const char *value) {
	return cpy.PyConfig_SetBytesString(config, (wchar_t **)((char *)config + offset), value);
}

// UTF-8 mode whatever the locale: isolated under LC_ALL=C would make stdout and file names ASCII.
static PyStatus pre_initialize(const struct cpy_pyconfig_row *row, int allocator) {
	PyPreConfig *pre = calloc(1, row->preconfig_size);
	cpy.PyPreConfig_InitIsolatedConfig(pre);
	*(int *)((char *)pre + row->utf8_mode) = 1;
	*(int *)((char *)pre + row->allocator) = allocator;
	PyStatus s = cpy.Py_PreInitialize(pre);
	free(pre);
	return s;
}

// 3.9 to 3.13: PyConfig through its offsets, because it reports errors where Py_InitializeEx exits.
static char *init_from_config(const cpy_init_args *a) {
	const struct cpy_pyconfig_row *row = row_of(a->minor);
	if (!row) return failure("PyConfig", NULL, "the layout of this version is not known");
	PyStatus s = pre_initialize(row, a->allocator);
	if (s._type) return status_failure("Py_PreInitialize", s);

	PyConfig *config = calloc(1, row->size + debug_slack);
	cpy.PyConfig_InitIsolatedConfig(config);
	s = set_string(config, row->program_name, a->program_name);
	if (!s._type && a->home) s = set_string(config, row->home, a->home);
	if (!s._type) s = cpy.PyConfig_SetBytesArgv(config, a->argc, a->argv);
	if (!s._type) s = cpy.Py_InitializeFromConfig(config);
	cpy.PyConfig_Clear(config);
	free(config);
	return s._type ? status_failure("Py_InitializeFromConfig", s) : NULL;
}

// 3.14 on: the stable configuration API.
static char *init_from_initconfig(const cpy_init_args *a) {
	PyInitConfig *config = cpy.PyInitConfig_Create();
	if (!config) return failure("PyInitConfig_Create", NULL, "out of memory");
	int bad = cpy.PyInitConfig_SetInt(config, "utf8_mode", 1)
		|| cpy.PyInitConfig_SetInt(config, "allocator", a->allocator)
		|| cpy.PyInitConfig_SetStr(config, "program_name", a->program_name)
		|| (a->home && cpy.PyInitConfig_SetStr(config, "home", a->home))
		|| cpy.PyInitConfig_SetStrList(config, "argv", (size_t)a->argc, a->argv)
		|| cpy.Py_InitializeFromInitConfig(config);
	char *text = NULL;
	if (bad) {
		const char *why = NULL;
		cpy.PyInitConfig_GetError(config, &why);
		text = failure("Py_InitializeFromInitConfig", NULL, why);
	}
	cpy.PyInitConfig_Free(config);
	return text;
}

char *cpy_init(const cpy_init_args *a) {
	char *text = a->minor >= 14 && cpy.Py_InitializeFromInitConfig ? init_from_initconfig(a) : init_from_config(a);
	if (text) return text;
	cpy_keep_main();
	cpy_open();
	return NULL;
}

int cpy_finalize(void) {
	cpy_close();
	int status = cpy.Py_FinalizeEx();
	cpy_forget_main();
	return status;
}
