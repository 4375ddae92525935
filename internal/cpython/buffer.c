// Views of memory that a Python object exports.
#include <stdlib.h>

#include "status.h"

enum { FULL_RO = 0x011c }; // PyBUF_FULL_RO: indirect, strides, shape, format, read-only will do

cpy_buffer cpy_buffer_get(PyObject *o) {
	NEED_GIL((cpy_buffer){NULL, NULL, 0, CPY_NOT_HELD});
	Py_buffer *view = calloc(1, sizeof *view);
	if (cpy.PyObject_GetBuffer(o, view, FULL_RO) < 0) {
		free(view);
		return (cpy_buffer){NULL, cpy_take_exception(), 0, CPY_RAISED};
	}
	return (cpy_buffer){view, NULL, cpy.PyBuffer_IsContiguous(view, 'C'), CPY_OK};
}

int cpy_buffer_release(Py_buffer *view) {
	NEED_GIL(CPY_NOT_HELD);
	cpy.PyBuffer_Release(view);
	free(view);
	return CPY_OK;
}
