package main

import "bytes"

// renameModule makes a pickle name a module of the same length that nobody has.
func renameModule(pickle []byte) []byte {
	missing := bytes.Repeat([]byte("x"), len(demoModule))
	return bytes.ReplaceAll(pickle, []byte(demoModule), missing)
}

// cutOff loses the last bytes, as a broken connection would.
func cutOff(pickle []byte) []byte { return pickle[:len(pickle)-4] }
