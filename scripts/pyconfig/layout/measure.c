/* Prints the row of the table for the headers that it is compiled with, preceded by the version and the size
 * of PyStatus. */
#include <Python.h>
#include <stddef.h>
#include <stdio.h>

#ifdef Py_GIL_DISABLED
#error "these are the headers of a free-threaded build, whose PyConfig differs"
#endif

int main(void) {
    size_t values[] = {
        PY_MAJOR_VERSION,
        PY_MINOR_VERSION,
        sizeof(PyStatus),
        sizeof(PyConfig),
        offsetof(PyConfig, program_name),
        offsetof(PyConfig, home),
        offsetof(PyConfig, isolated),
        offsetof(PyConfig, install_signal_handlers),
        sizeof(PyPreConfig),
        offsetof(PyPreConfig, utf8_mode),
        offsetof(PyPreConfig, allocator),
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        printf("%zu ", values[i]);
    return 0;
}
