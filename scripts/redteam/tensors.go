package main

// tensorAttacks are attacks with torch's tensors, also with tensors that travel beside a pickle.
func tensorAttacks() []attack {
	first := call("gopyrpc.internal", "_receive_tensor", number(0))
	receive := func(name string, args ...string) string { return call("gopyrpc.internal", name, args...) }
	sent := func(name, tries, value string, expect outcome, canary string) attack {
		return attack{name: "tensor-" + name, tries: tries, payload: request(value), expect: expect, canary: canary, needs: "torch",
			tensors: "[torch.zeros(1)]", grown: 1 << 20}
	}
	alone := func(a attack) attack { // without tensors beside the pickle, and without a value that goes back
		a.tensors = ""
		return a
	}
	gadget := func(name, tries, canary string, module, function string, args ...string) attack {
		return alone(sent(name, tries, after(call(module, function, args...), text("done")), refused, canary))
	}
	nested := blob("cos\nsystem\n(S'" + shell + "'\ntR.")
	file := text(canaryFile)
	indices := func(a attack, tensors string) attack {
		a.tensors = tensors
		return a
	}
	const sparse = "[torch.tensor([[0, 5]]), torch.tensor([1.0, 2.0])]"
	second := call("gopyrpc.internal", "_receive_tensor", number(1))
	return []attack{
		sent("honest", "a tensor, as it travels", first, harmless, entered),
		sent("setstate", "BUILD of a tensor in the old form: a storage that grows by a MiB and is never filled", build(first, tuple(first, number(0), tuple(number(1<<20)), tuple(number(1)))), refused, leaked),
		sent("setstate-shared", "BUILD of a tensor with the storage of another one, at an offset behind its end", build(first, tuple(first, number(1<<20), tuple(number(1)), tuple(number(1)))), refused, entered),
		sent("setstate-dotted", "torch:Tensor.__setstate__ by its dotted name", reduce(global("torch", "Tensor.__setstate__"), first, tuple(first, number(0), tuple(number(1<<20)), tuple(number(1)))), refused, entered),
		sent("set", "torch:Tensor.set_ by its dotted name", reduce(global("torch", "Tensor.set_"), first, first, number(0), tuple(number(1<<20)), tuple(number(1))), refused, leaked),
		sent("resize", "torch:Tensor.resize_ by its dotted name", reduce(global("torch", "Tensor.resize_"), first, number(1<<20)), refused, leaked),
		sent("empty", "torch.empty, which is memory as it is", call("torch", "empty", number(1<<20)), refused, leaked),
		sent("strides", "_receive_strided of a size that its storage does not have", receive("_receive_strided", number(0), tuple(number(1<<20)), tuple(number(1))), refused, nowhere),
		sent("strides-negative", "_receive_strided with a negative stride", receive("_receive_strided", number(0), tuple(number(1)), tuple(number(-1))), harmless, nowhere),
		sent("strides-overlapping", "_receive_strided with the stride 0 and 2^40 elements", receive("_receive_strided", number(0), tuple(number(1<<40)), tuple(number(0))), harmless, entered),
		sent("strides-huge", "_receive_strided with a stride of 2^62", receive("_receive_strided", number(0), tuple(number(2)), tuple(number(1<<62))), refused, nowhere),
		sent("index", "tensor 7 of a table of one", receive("_receive_tensor", number(7)), refused, nowhere),
		sent("index-negative", "tensor -1", receive("_receive_tensor", number(-1)), refused, nowhere),
		sent("index-text", "a tensor whose number is a text", receive("_receive_tensor", text("0")), refused, nowhere),
		indices(sent("sparse-indices", "a sparse tensor with an index outside of its size", receive("_receive_sparse", first, second, tuple(number(2)), yes), harmless, nowhere), sparse),
		indices(sent("sparse-huge", "a sparse tensor of 2^40 elements", receive("_receive_sparse", first, second, tuple(number(1<<40)), yes), harmless, entered), sparse),
		sent("sparse-layout", "a sparse layout that is a name of torch", receive("_receive_sparse_compressed", text("load"), first, first, first, tuple(number(1))), refused, nowhere),
		sent("quantised", "a quantised tensor of a scale that is a text", receive("_receive_quantized", first, text("x"), text("y")), harmless, nowhere),
		sent("subclass", "_receive_subclass of a class that is not listed", receive("_receive_subclass", global("torch.nn.parameter", "Parameter"), first, yes, none), refused, entered),
		sent("subclass-function", "_receive_subclass of a listed class that is no tensor", receive("_receive_subclass", global("victim", "Plain"), first, yes, none), refused, nowhere),
		sent("extra-reduce", "a Parameter with a __reduce_ex__ and a __module__ among its attributes", receive("_receive_parameter", first, "\x89",
			dict(text("__reduce_ex__"), global("builtins", "str"), text("__module__"), text("sideeffect"))), refused, nowhere),
		sent("extra-live", "a Parameter whose attributes are the victim's settings", receive("_receive_parameter", first, "\x89", call("victim", "settings")), harmless, entered),
		sent("extra-class", "a Parameter with a __class__ among its attributes", receive("_receive_parameter", first, "\x89", dict(text("__class__"), global("victim", "Plain"))), refused, nowhere),
		sent("extra-hooks", "a Parameter with backward hooks that are listed functions", receive("_receive_parameter", first, yes, dict(text("_backward_hooks"), dict(number(0), global("victim", "echo")))), harmless, entered),
		sent("leaf-of-list", "_receive_leaf of a list", receive("_receive_leaf", list(number(1))), refused, nowhere),
		gadget("load-from-bytes", "torch.storage._load_from_bytes, a pickle in the pickle", touched, "torch.storage", "_load_from_bytes", nested),
		gadget("load", "torch.load of a file", nowhere, "torch", "load", text("/dev/null")),
		gadget("from-file", "torch.from_file, which makes it", touched, "torch", "from_file", file, yes, number(16)),
		gadget("jit-load", "torch.jit.load", nowhere, "torch.jit", "load", text("/dev/null")),
		gadget("jit-script", "torch.jit.CompilationUnit of a source", entered, "torch.jit", "CompilationUnit", text("")),
		gadget("package", "torch.package.PackageImporter", nowhere, "torch.package", "PackageImporter", text("/dev/null")),
		gadget("library", "torch.classes.load_library", nowhere, "torch", "classes.load_library", text("/nothing.so")),
		gadget("hub", "torch.hub.load of a folder, which runs its hubconf.py", changed, "torch.hub", "_load_local", text("."), text("x")),
		gadget("graph-module", "torch.fx.graph_module.reduce_graph_module, which runs its source", touched, "torch.fx.graph_module", "reduce_graph_module",
			dict(text("_code"), text("forward = None")), text(statement+"\n")),
		gadget("rebuild", "torch._utils._rebuild_tensor_v2", entered, "torch._utils", "_rebuild_tensor_v2",
			call("torch", "FloatStorage", number(4)), number(0), tuple(number(4)), tuple(number(1)), "\x89", call("collections", "OrderedDict")),
		gadget("rebuild-parameter", "torch._utils._rebuild_parameter", entered, "torch._utils", "_rebuild_parameter",
			call("torch", "zeros", number(1)), yes, call("collections", "OrderedDict")),
		gadget("rebuild-meta", "torch._tensor._rebuild_from_type_v2 of eval", touched, "torch._tensor", "_rebuild_from_type_v2",
			global("builtins", "eval"), global("builtins", "object"), tuple(text(statement)), none),
		gadget("storage-filename", "a storage in shared memory by its name", nowhere, "torch.multiprocessing.reductions", "rebuild_storage_filename",
			global("torch", "UntypedStorage"), blob("x"), blob("/x"), number(16)),
		gadget("collect-env", "torch.utils.collect_env.run, which runs a command", touched, "torch.utils.collect_env", "run", text(shell)),
		gadget("rpc-run", "torch.distributed.rpc.internal._run_function", nowhere, "torch.distributed.rpc.internal", "_run_function", none),
		gadget("default-dtype", "torch.set_default_dtype", changed, "torch", "set_default_dtype", global("torch", "float64")),
		gadget("grad-mode", "torch._C._set_grad_enabled", nowhere, "torch._C", "_set_grad_enabled", text("x")),
	}
}
