// Package settings is the table of what can be said of a worker from outside its program: by flags of the command, by
// environment variables, and by fields of Python's RpcBackendOptions. Each setting has one name in three spellings,
// --tls-cert, GOPYRPC_TLS_CERT and tls_cert=, and means the same in each.
//
// [Values] are what was said, and where; [Values.Apply] puts them into a configuration. Of a setting that was said in
// several places, an option comes before a flag, a flag before a variable, and a variable before the default. Errors name the place and the bad value.
package settings
