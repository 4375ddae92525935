package pyworker

// What tests hold to the Python package.
const FutureType = futureType
