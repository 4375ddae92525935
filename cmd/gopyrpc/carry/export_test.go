package carry

var UnpackInto = unpackInto
