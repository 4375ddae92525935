// Package cleanup releases what a process holds, once and in a fixed order.
//
// Code that acquires something that must not outlive the process registers a step
// that gives it back. On join the agent calls [Registry.Run], which takes the phases
// in order and, within a phase, the steps in the reverse order of their registration.
// Every step runs: neither an error, a panic, a runtime.Goexit nor a step that
// never returns keeps the ones after it from running.
//
//	reg := cleanup.New()
//	err := reg.Register(cleanup.PhaseHandler, "udf cache", func(ctx context.Context) error {
//		cleanup.ReportReleased(ctx, "runUDF", 1)
//		return cache.Close(ctx)
//	})
//	…
//	report, err := reg.Run(ctx) // err joins what went wrong; report names every step
//
// # Time
//
// A step has the step deadline (10 s, see [WithStepDeadline]). If the context given to
// Run ends earlier, the step ends with it, but never before it has had the grace
// (1 s, see [WithGrace]) from its own start: a join that is out of time still gives every
// later step a live context and a moment to work in. When its time is up, the step's
// context is cancelled; a step that then returns within the grace counts as failed (or
// released, if it made it), any other is reported as late by name and left behind on
// its own goroutine. A step therefore delays the run by at most its deadline plus the grace.
//
// # What is not here
//
// The package knows nothing of Python and imports nothing of the project, so its
// order can be tested without an interpreter. PyTorch has no counterpart: there
// PythonRpcHandler::cleanup and RRefContext::destroyInstance are called by hand,
// in an order that each caller must know.
package cleanup
