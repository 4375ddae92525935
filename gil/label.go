package gil

import "context"

type labelKey struct{}

// WithLabel names, in reports and diagnostics, what the calls made with the context do in Python.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func WithLabel(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, labelKey{}, name)
}

func label(ctx context.Context) string {
	if name, ok := ctx.Value(labelKey{}).(string); ok {
		return name
	}
	return "python call"
}
