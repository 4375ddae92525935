package pyworker

// What tests hold to the Python package.
const LaterType = laterType

// Failed is the form in which Python gets an error.
var Failed = failed
