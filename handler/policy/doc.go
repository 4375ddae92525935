// Package policy holds what restricted peers send to a list of what they may name. It reads a pickle, checks every name
// and shape in it, and gives the canonical pickle that Python may load instead; a payload that asks for more is refused
// before Python is entered.
//
// # What Python gets
//
// The canonical pickle has no instruction that names anything. Functions and classes are objects beside the pickle, as
// large bytes are: each stands in [pickle.Output] as a Buffer with Given, whose Text is one of
//
//	module:qualname         // what an entry covers, or the protocol's own; Python looks it up
//	value:module:qualname   // a class whose instances only are let in
//	gopyrpc.restricted:name   // a stand-in of python/gopyrpc/_restricted/standins.py
//
// Python looks names up by itself, and refuses those that are not listed exactly and that the module does not define:
// what a module imports, an entry for the module does not cover.
package policy
