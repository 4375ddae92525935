// Package pybridge runs CPython inside a Go process: its life, its objects, its errors, and the
// conversion of values both ways.
//
//	rt, err := pybridge.Start(ctx)
//	defer rt.Close(ctx)
//	err = gil.With(ctx, func(t gil.Token) error {
//		math, err := rt.Import(t, "math")
//		if err != nil {
//			return err
//		}
//		defer math.Release()
//		root, err := math.CallMethod(t, "sqrt", 2.0)
//		if err != nil {
//			return err
//		}
//		defer root.Release()
//		v, err := pybridge.As[float64](t, root)
//		fmt.Println(v)
//		return err
//	})
//
// # Rules
//
// A function with a [gil.Token] parameter runs under a GIL that its caller took with [gil.With]. A
// function without one takes care of itself and must not be called with the GIL held; it returns
// [ErrHeld] rather than deadlock. Every comment says in a list what a function needs: GIL, thread,
// reference, blocking.
//
// The code that gets an [Object] has to release it, and may do so from any goroutine. An [*Error] is plain data.
//
// A process has one interpreter and one life of it: [Start], [Runtime.Close], and then [ErrClosed] for
// ever, because extension modules do not survive a second initialisation.
package pybridge
