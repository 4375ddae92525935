// Package jit reads TorchScript's type expressions, as torch writes them into the messages of its RPC:
// Tensor, Dict[str, List[int]], __torch__.module.Class. It is the counterpart of torch's ScriptTypeParser and of the
// c10 types that the parser makes, and gives what torch gives: [Parse] flattens, merges and sorts the members of a Union
// as torch does, and [Type.String] writes the annotation that torch writes. The tests of package handler compare both.
//
// The package has no state and knows nothing of Python. The names of classes and interfaces mean something only in a
// compilation unit, so the caller of Parse looks them up.
//
// A type expression comes from a peer, so its size and depth are bounded, as are those of the type that it makes.
package jit
