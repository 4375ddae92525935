package pyworker

// What tests hold to the Python package.
const FutureType = futureType

// Failed is the form in which Python gets an error.
var Failed = failed
