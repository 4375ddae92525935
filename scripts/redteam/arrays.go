package main

// arrayAttacks are pickles of numpy arrays in forms that numpy does not write.
func arrayAttacks() []attack {
	const multiarray, no = "numpy.core.multiarray", "\x89"
	dtype := func(name string, size int64, flags int64) string {
		return build(call("numpy", "dtype", text(name), no, yes), tuple(number(3), text("|"), none, none, none, number(size), number(1), number(flags)))
	}
	float64s := build(call("numpy", "dtype", text("f8"), no, yes), tuple(number(3), text("<"), none, none, none, number(-1), number(-1), number(0)))
	objects := dtype("O8", -1, 63)
	reconstruct := func(class string) string { return call(multiarray, "_reconstruct", class, tuple(number(0)), blob("b")) }
	ndarray := global("numpy", "ndarray")
	array := func(shape, dtype, data string) string {
		return build(reconstruct(ndarray), tuple(number(1), shape, dtype, no, data))
	}
	two := blob("0123456789abcdef")
	sent := func(name, tries, value string, expect outcome, canary string) attack {
		return attack{name: "array-" + name, tries: tries, payload: request(after(value, text("done"))), expect: expect, canary: canary, needs: "numpy"}
	}
	back := func(grown int64, name, tries, value string, expect outcome, canary string) attack {
		a := sent(name, tries, "", expect, canary)
		a.payload, a.grown = request(value), grown
		return a
	}
	file := text(canaryFile)
	return []attack{
		sent("honest", "an array of two floats, as numpy pickles it", array(tuple(number(2)), float64s, two), harmless, entered),
		sent("shape-huge", "a shape of 2^40 with 16 bytes", array(tuple(number(1<<40)), float64s, two), refused, nowhere),
		sent("shape-overflow", "a shape whose product is 2^64", array(tuple(number(1<<32), number(1<<32)), float64s, two), refused, nowhere),
		sent("shape-negative", "a shape of -1", array(tuple(number(-1)), float64s, two), refused, nowhere),
		sent("shape-empty", "a shape of 2^62 by 0", array(tuple(number(1<<62), number(0)), float64s, blob("")), harmless, entered),
		sent("shape-dimensions", "a shape of 1,000 dimensions", array(tuple(repeat(number(1), 1000)...), float64s, blob("01234567")), refused, nowhere),
		sent("shape-text", "a shape that is no tuple", array(text("2"), float64s, two), refused, nowhere),
		sent("data-short", "less data than the shape says", array(tuple(number(2)), float64s, blob("01234567")), refused, nowhere),
		sent("data-list", "data that is a list", array(tuple(number(2)), float64s, list(number(1), number(2))), refused, nowhere),
		sent("objects", "an array of objects", array(tuple(number(1)), objects, list(text("x"))), refused, entered),
		sent("objects-bytes", "an array of objects whose pointers are the sender's", array(tuple(number(1)), objects, blob("\x01\x02\x03\x04\x05\x06\x07\x08")), refused, nowhere),
		sent("objects-call", "an array of objects with a call among them", array(tuple(number(1)), objects, list(call("os", "system", text(shell)))), refused, touched),
		sent("scalar-objects", "a scalar of the dtype object, whose pointer is the sender's", call(multiarray, "scalar", objects, blob("\x01\x02\x03\x04\x05\x06\x07\x08")), refused, entered),
		sent("dtype-size", "a dtype of one byte whose state says a MiB", call(multiarray, "scalar", dtype("V1", 1<<20, 0), blob("x")), harmless, nowhere),
		sent("dtype-eval", "a dtype of a text with 100,000 fields", call("numpy", "dtype", text(fields(100_000)), no, yes), refused, entered),
		sent("dtype-metadata", "a dtype with a dict for its metadata", build(call("numpy", "dtype", text("V8"), no, yes), tuple(number(4), text("|"), none, none, none, number(8), number(1), number(0), dict(text("a"), number(1)))), refused, entered),
		sent("dtype-fields", "a dtype whose fields overlap, one of them an object", call("numpy", "dtype", dict(text("names"), list(text("a"), text("b")), text("formats"), list(text("O"), text("i8")), text("offsets"), list(number(0), number(0)))), refused, nowhere),
		sent("dtype-shared", "the state of float64 itself", build(global("numpy", "float64"), tuple(number(1))), refused, nowhere),
		sent("reconstruct-memmap", "_reconstruct of numpy.memmap", reconstruct(global("numpy", "memmap")), refused, entered),
		sent("reconstruct-listed", "_reconstruct of a listed class", reconstruct(global("victim", "Plain")), refused, nowhere),
		sent("reconstruct-shape", "_reconstruct of a shape of 2^30", call(multiarray, "_reconstruct", ndarray, tuple(number(1<<30)), blob("d")), refused, memory),
		sent("build-twice", "BUILD of an array twice", build(array(tuple(number(2)), float64s, two), tuple(number(1), tuple(number(1)), float64s, no, blob("01234567"))), refused, entered),
		sent("build-live", "BUILD of an array that a listed function returns", build(call("victim", "array"), tuple(number(1), tuple(number(2)), float64s, no, two)), refused, changed),
		back(1<<16, "strided", "numpy.lib.stride_tricks.as_strided of 8 bytes to a MiB",
			call("numpy.lib.stride_tricks", "as_strided", array(tuple(number(2)), float64s, two), tuple(number(1<<17)), tuple(number(0))), refused, leaked),
		back(1<<16, "empty", "numpy.empty, which is memory as it is", call("numpy", "empty", number(1<<20)), refused, leaked),
		sent("ones", "numpy.ones of 8 GiB", call("numpy", "ones", number(1<<30)), refused, memory),
		sent("fromfile", "numpy.fromfile", call("numpy", "fromfile", text("/proc/self/status")), refused, entered),
		sent("memmap", "numpy.memmap of a new file", call("numpy", "memmap", file, text("uint8"), text("w+"), number(0), number(16)), refused, touched),
		sent("load", "numpy.load", call("numpy", "load", text("/dev/null")), refused, nowhere),
		sent("savetxt", "numpy.savetxt", call("numpy", "savetxt", file, list(number(1))), refused, touched),
		sent("runstring", "numpy.testing's runstring, which is exec", call("numpy.testing._private.utils", "runstring", text(statement), empty), refused, touched),
		sent("crackfortran", "numpy.f2py.crackfortran.myeval, which is eval", call("numpy.f2py.crackfortran", "myeval", text(statement), empty, empty), refused, touched),
		sent("ufunc", "numpy.frompyfunc of eval", reduce(call("numpy", "frompyfunc", global("builtins", "eval"), number(1), number(1)), text(statement)), refused, touched),
		sent("vectorize", "numpy.vectorize of eval", call("numpy", "apply_along_axis", global("builtins", "eval"), number(0), list(text(statement))), refused, nowhere),
	}
}

func repeat(value string, n int) (all []string) {
	for range n {
		all = append(all, value)
	}
	return all
}

// fields is the text of a dtype of n fields.
func fields(n int) string {
	b := make([]byte, 0, 3*n)
	for range n {
		b = append(b, "i8,"...)
	}
	return string(b[:len(b)-1])
}
