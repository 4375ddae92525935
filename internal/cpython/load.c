// Finding CPython's functions in a libpython chosen at run time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

struct cpy_api cpy;

static int lookup(void *handle, const char *name, void **slot, char *missing, size_t cap) {
	*slot = dlsym(handle, name);
	if (*slot) return 1;
	size_t used = strlen(missing);
	snprintf(missing + used, cap - used, "%s%s", used ? ", " : "", name);
	return 0;
}

// The process's own libpython wins over path: two copies in one process corrupt each other.
static void *open_library(const char *path) {
	if (cpy_process_has_python()) return dlopen(NULL, RTLD_NOW);
	// RTLD_GLOBAL: extension modules are linked against nothing and find these symbols in the process.
	return dlopen(path, RTLD_NOW | RTLD_GLOBAL);
}

char *cpy_load(const char *path) {
	void *handle = open_library(path);
	if (!handle) {
		const char *why = dlerror();
		return strdup(why ? why : "dlopen failed without a reason");
	}
	char missing[4096] = ""; // room for every name there is
	int ok = 1;
#define LOAD(ret, name, args) ok &= lookup(handle, #name, (void **)&cpy.name, missing, sizeof missing);
#define LOAD_VARIABLE(name) ok &= lookup(handle, #name, (void **)&cpy.name, missing, sizeof missing);
#define LOAD_OPTIONAL(ret, name, args) *(void **)&cpy.name = dlsym(handle, #name);
	CPY_REQUIRED(LOAD)
	CPY_OBJECTS(LOAD_VARIABLE)
	CPY_EXCEPTIONS(LOAD_VARIABLE)
	CPY_OPTIONAL(LOAD_OPTIONAL)
	CPY_BEFORE_MONITORING(LOAD_OPTIONAL)
	if (ok) return NULL;
	dlclose(handle); // else its symbols would be found instead of those of the next one
	char text[sizeof missing + 32];
	snprintf(text, sizeof text, "missing symbols: %s", missing);
	return strdup(text);
}

const char *cpy_version(void) { return cpy.Py_GetVersion(); }

int cpy_process_has_python(void) {
	int (*initialised)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "Py_IsInitialized");
	if (!initialised) return 0;
	return initialised() ? 2 : 1;
}

const char *cpy_library_path(void) {
	Dl_info info;
	void *address = dlsym(RTLD_DEFAULT, "Py_GetVersion");
	if (!address) address = (void *)cpy.Py_GetVersion;
	if (!address || !dladdr(address, &info)) return "";
	return info.dli_fname ? info.dli_fname : "";
}
